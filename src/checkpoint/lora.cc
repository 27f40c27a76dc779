#include "checkpoint/lora.h"

#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "checkpoint/gguf.h"
#include "checkpoint/lora_peft.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr const char* kPeftConfig = "adapter_config.json";

bool IsGgufFile(const std::string& path) { return FileExists(path) && path.ends_with(".gguf"); }

using Places = std::unordered_map<std::string, size_t>;  // in LoraFile::modules, by target

// Adds `tensor` to the module of its base weight.
void AddGgufTensor(const TensorInfo& tensor, Places* places, LoraFile* file) {
  const bool is_a = tensor.name.ends_with(".lora_a"), is_b = tensor.name.ends_with(".lora_b");
  if ((!is_a && !is_b) || tensor.shape.size() != 2) {
    Fail(ErrorCode::kUnsupported,
         "{}: tensor '{}' with {} dimensions is no matrix 'NAME.lora_a' or 'NAME.lora_b'. Hint: "
         "adapters of fused experts, norms and biases are not supported",
         file->path, Printable(tensor.name), tensor.shape.size());
  }
  const std::string target = tensor.name.substr(0, tensor.name.size() - 7);
  const auto [entry, is_new] = places->emplace(target, file->modules.size());
  if (is_new) {
    file->modules.push_back({.target = target, .embedding = target == "token_embd.weight"});
  }
  LoraModule& module = file->modules[entry->second];
  (is_a ? module.a : module.b) = &tensor;
}

LoraFile OpenGgufLora(const std::string& path) {
  Gguf gguf = OpenGguf(path);
  const GgufMetadata& metadata = gguf.metadata;
  const std::string type = metadata.Text("adapter.type", "");
  if (type != "lora") {
    Fail(ErrorCode::kUnsupported, "{}: adapter.type is '{}', supported is 'lora'", path,
         Printable(type));
  }
  for (const auto& [key, value] : metadata.entries) {
    if (key.starts_with("adapter.") && key != "adapter.type" && key != "adapter.lora.alpha" &&
        key != "adapter.lora.task_name") {
      Fail(ErrorCode::kUnsupported, "{}: the key {} is not supported", path, Printable(key));
    }
  }
  LoraFile file{.path = path,
                .container = Container::kGguf,
                .architecture = metadata.Text("general.architecture", ""),
                .modules = {},
                .tensors = std::move(gguf.tensors),
                .files = std::move(gguf.files)};
  Places places;
  for (const TensorInfo& tensor : file.tensors.all()) AddGgufTensor(tensor, &places, &file);
  const double alpha = metadata.Number("adapter.lora.alpha", 0.0);
  for (LoraModule& module : file.modules) {
    if (module.a == nullptr || module.b == nullptr) {
      Fail(ErrorCode::kCorrupt, "{}: '{}' has only one of lora_a and lora_b", path,
           Printable(module.target));
    }
    const auto rank = static_cast<double>(module.b->shape[1]);
    module.scale = alpha == 0 || rank == 0 ? 1.0 : alpha / rank;
    if (HasFiniteScale(module)) continue;
    Fail(ErrorCode::kCorrupt, "{}: adapter.lora.alpha is {}, which gives '{}' no finite scale",
         path, alpha, Printable(module.target));
  }
  return file;
}

}  // namespace

bool HasFiniteScale(const LoraModule& module) {
  return std::abs(module.scale) <= static_cast<double>(std::numeric_limits<float>::max());
}

bool IsLora(const std::string& path) {
  if (DirectoryExists(path)) return FileExists(JoinPath(path, kPeftConfig));
  if (!IsGgufFile(path)) return false;
  return OpenGguf(path).metadata.Text("general.type", "") == "adapter";
}

LoraFile OpenLora(const std::string& path) {
  if (DirectoryExists(path)) {
    if (FileExists(JoinPath(path, kPeftConfig))) return OpenPeftLora(path);
    Fail(ErrorCode::kNotFound, "{}: holds no {}, needed in a PEFT directory", path, kPeftConfig);
  }
  if (!FileExists(path)) {
    Fail(ErrorCode::kNotFound, "{}: does not exist, needed an adapter's directory or GGUF file",
         path);
  }
  if (IsLora(path)) return OpenGgufLora(path);
  Fail(ErrorCode::kUnsupported,
       "{}: is no adapter. Hint: needed a PEFT directory, or a GGUF file whose general.type is "
       "'adapter'",
       path);
}

}  // namespace tael
