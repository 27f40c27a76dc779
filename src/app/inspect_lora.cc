#include "app/inspect_lora.h"

#include <fmt/format.h>

#include "app/terminal.h"
#include "checkpoint/lora.h"

namespace tael {
namespace {

const char* KindOf(const LoraModule& module) {
  if (module.saved != nullptr) return "replacement";
  return module.magnitude != nullptr ? "dora" : "lora";
}

}  // namespace

Json InspectLora(const std::string& path) {
  const LoraFile file = OpenLora(path);
  Json modules = JsonArray{};
  for (const LoraModule& module : file.modules) {
    Json entry = JsonObject{};
    entry.Set("target", module.target);
    entry.Set("kind", KindOf(module));
    if (module.a != nullptr) {
      entry.Set("rank", module.b->shape.back());
      entry.Set("scale", module.scale);
      entry.Set("dtype", Name(module.a->dtype));
    }
    modules.Append(std::move(entry));
  }
  int64_t bytes = 0;
  for (const TensorInfo& tensor : file.tensors.all()) {
    bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  Json out = JsonObject{};
  out.Set("path", path);
  out.Set("container", file.container == Container::kGguf ? "gguf" : "safetensors");
  out.Set("adapter", "lora");
  if (!file.architecture.empty()) out.Set("architecture", file.architecture);
  out.Set("tensor_bytes", bytes);
  out.Set("modules", std::move(modules));
  return out;
}

std::string LoraSummary(const Json& found) {
  std::string text =
      fmt::format("{:<14} {}\n{:<14} LoRA, {}\n{:<14} {}\n\n", "path",
                  found.Find("path")->as_string(), "adapter", found.Find("container")->as_string(),
                  "tensors", HumanBytes(found.Find("tensor_bytes")->as_int()));
  std::vector<std::vector<std::string>> rows = {{"target", "kind", "rank", "scale", "type"}};
  for (const Json& module : found.Find("modules")->as_array()) {
    const Json* rank = module.Find("rank");
    rows.push_back({module.Find("target")->as_string().substr(0, 120),
                    module.Find("kind")->as_string(),
                    rank == nullptr ? "" : std::to_string(rank->as_int()),
                    rank == nullptr ? "" : fmt::format("{:g}", module.Find("scale")->as_double()),
                    rank == nullptr ? "" : module.Find("dtype")->as_string()});
  }
  return text + FormatTable(rows);
}

}  // namespace tael
