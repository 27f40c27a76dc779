// `tael inspect`: opens a model completely, checks every part, and says what is in it.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "app/command.h"
#include "app/coverage.h"
#include "app/fingerprint.h"
#include "app/inspect_lora.h"
#include "app/model_flags.h"
#include "app/model_store.h"
#include "app/packed_text.h"
#include "app/spec_json.h"
#include "app/terminal.h"
#include "app/version.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/lora.h"
#include "checkpoint/safetensors.h"
#include "engine/memory_plan.h"
#include "kernels/kernel_table.h"
#include "quant/scan.h"
#include "text/chat_template.h"

namespace tael {
namespace {

struct InspectOptions {
  std::string model;
  std::vector<std::string> allowed_keys;
  bool json = false, deep = false;
};

Json TensorsToJson(const TensorIndex& tensors) {
  Json list = JsonArray{};
  for (const TensorInfo& tensor : tensors.all()) {
    Json shape = JsonArray{};
    for (const int64_t size : tensor.shape) shape.Append(size);
    Json entry = JsonObject{};
    entry.Set("name", tensor.name);
    entry.Set("dtype", Name(tensor.dtype));
    entry.Set("shape", std::move(shape));
    entry.Set("bytes", static_cast<int64_t>(tensor.bytes.size()));
    list.Append(std::move(entry));
  }
  return list;
}

int64_t Elements(const TensorInfo& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  return count;
}

int64_t TotalBytes(const TensorIndex& tensors) {
  int64_t sum = 0;
  for (const TensorInfo& tensor : tensors.all()) sum += static_cast<int64_t>(tensor.bytes.size());
  return sum;
}

int64_t TotalElements(const TensorIndex& tensors) {
  int64_t sum = 0;
  for (const TensorInfo& tensor : tensors.all()) sum += Elements(tensor);
  return sum;
}

// The name of the matrix that a tensor of a packed form belongs to.
std::string_view PackedName(std::string_view tensor) {
  for (const std::string_view ending : {"_blocks", "_scales"}) {
    if (tensor.ends_with(ending)) return tensor.substr(0, tensor.size() - ending.size());
  }
  return tensor.substr(0, tensor.rfind('.'));
}

// The same with the elements of packed matrices, whose tensors hold several in one number.
int64_t Parameters(const Model& model) {
  std::set<std::string_view> packed;
  int64_t sum = 0;
  for (const NamedPacked& entry : model.weights.packed) {
    const std::string_view name = entry.name;
    packed.insert(name.ends_with(".weight") ? PackedName(name) : name);
    sum += entry.matrix->n * entry.matrix->k;
  }
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    if (!packed.contains(PackedName(tensor.name))) sum += Elements(tensor);
  }
  return sum;
}

// Throws kCorrupt with every tensor that holds NaN or infinity.
void RefuseNonFinite(const TensorIndex& tensors, const std::string& path) {
  Progress progress("scanning the weights", TotalBytes(tensors));
  int64_t done = 0;
  std::string found;
  int count = 0;
  for (const TensorInfo& tensor : tensors.all()) {
    progress.Update(done);
    done += static_cast<int64_t>(tensor.bytes.size());
    const int64_t elements = Elements(tensor);
    if (!CanDecode(tensor.dtype) || elements == 0) continue;
    const int64_t at = FirstNonFinite(tensor.dtype, tensor.bytes.data(), elements);
    if (at < 0) continue;
    if (++count <= 20) found += fmt::format("\n  tensor '{}' at element {}", tensor.name, at);
  }
  if (count > 0) {
    Fail(ErrorCode::kCorrupt, "{}: {} tensors hold NaN or infinity:{}", path, count, found);
  }
}

// The same for matrices that are made of several tensors.
void RefuseNonFinite(const std::vector<NamedPacked>& packed, const std::string& path) {
  for (const NamedPacked& entry : packed) {
    const PackedMatrix& matrix = *entry.matrix;
    std::vector<float> row(static_cast<size_t>(matrix.k));
    for (int64_t r = 0; r < matrix.n; ++r) {
      DecodePacked(matrix, {.first = r, .count = 1}, SelectKernelTable()->packed, row.data());
      const int64_t at =
          FirstNonFinite(DType::kF32, reinterpret_cast<const uint8_t*>(row.data()), matrix.k);
      if (at < 0) continue;
      Fail(ErrorCode::kCorrupt, "{}: '{}' holds NaN or infinity at row {}, column {}", path,
           entry.name, r, at);
    }
  }
}

// How many matrices have which packed form, and their bytes.
Json PackedToJson(const std::vector<NamedPacked>& packed) {
  struct Sum {
    int64_t matrices = 0, bytes = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> forms;  // form, how it is multiplied
  for (const NamedPacked& entry : packed) {
    Sum& sum = forms[{entry.matrix->form, PackedMatmulText(*entry.matrix, MatmulMode::kInteger)}];
    ++sum.matrices;
    sum.bytes += entry.matrix->bytes;
  }
  Json list = JsonArray{};
  for (const auto& [form, sums] : forms) {
    Json entry = JsonObject{};
    entry.Set("form", form.first);
    entry.Set("matrices", sums.matrices);
    entry.Set("bytes", sums.bytes);
    entry.Set("matmul", form.second);
    list.Append(std::move(entry));
  }
  return list;
}

Json TokenizerToJson(const Tokenizer& tokenizer) {
  const auto token = [&](std::optional<TokenId> id) {
    if (!id) return Json();
    Json out = JsonObject{};
    out.Set("id", *id);
    out.Set("text", tokenizer.TokenText(*id).value_or(""));
    return out;
  };
  Json ends = JsonArray{};
  for (const TokenId id : tokenizer.end_of_generation()) ends.Append(id);
  Json out = JsonObject{};
  out.Set("vocab_size", tokenizer.vocab_size());
  out.Set("bos", token(tokenizer.bos()));
  out.Set("eos", token(tokenizer.eos()));
  out.Set("adds_bos", tokenizer.adds_bos());
  out.Set("end_of_generation", std::move(ends));
  return out;
}

Json GgufValueToJson(const GgufValue& value) {
  if (value.type == GgufType::kArray) {
    const size_t count =
        value.integers.size() + value.numbers.size() + value.strings.size() + value.arrays.size();
    return Json(fmt::format("array of {}", count));
  }
  if (value.type == GgufType::kString) return Json(value.text);
  if (value.type == GgufType::kBool) return Json(value.integer != 0);
  return value.is_number() ? Json(value.number) : Json(value.integer);
}

Json GgufToJson(const GgufMetadata& metadata) {
  Json values = JsonObject{};
  for (const auto& [key, value] : metadata.entries) {
    if (key == "tokenizer.chat_template") continue;  // shown in full as the template
    values.Set(key, GgufValueToJson(value));
  }
  Json out = JsonObject{};
  out.Set("version", metadata.version);
  out.Set("alignment", static_cast<int64_t>(metadata.alignment));
  out.Set("metadata", std::move(values));
  return out;
}

const char* ContainerName(Container container) {
  switch (container) {
    case Container::kGguf:
      return "gguf";
    case Container::kSafetensors:
      return "safetensors";
    case Container::kLlama2c:
      return "llama2c";
  }
  return "";
}

// Of experts that a token does not choose.
int64_t IdleParameters(const DecoderSpec& spec) {
  int64_t idle = 0;
  for (const LayerSpec& layer : spec.layers) {
    const auto* moe = std::get_if<MoeFfnSpec>(&layer.ffn);
    if (moe == nullptr) continue;
    const int64_t others = moe->router.num_experts - moe->router.experts_per_token;
    idle += others * 3 * spec.hidden_size * moe->expert_size;
  }
  return idle;
}

// Of the default cache, f16.
int64_t KvBytesPerToken(const Model& model) {
  return KvCacheBytes(model, DType::kF16, 1) / kKvBlockPositions;
}

// Tensors that no run reads: of other modalities, of multi-token prediction, redundant.
Json LeftAside(const Model& model) {
  std::set<const uint8_t*> taken;
  for (const auto& source : model.weights.sources) taken.insert(source.data());
  int64_t tensors = 0, bytes = 0;
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    if (tensor.bytes.empty() || taken.contains(tensor.bytes.data())) continue;
    ++tensors;
    bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  Json out = JsonObject{};
  out.Set("tensors", tensors);
  out.Set("bytes", bytes);
  return out;
}

Json InspectModel(const std::string& path, const InspectOptions& options) {
  LoadOptions load;
  load.allowed_keys = options.allowed_keys;
  const std::unique_ptr<Model> model = LoadModel(path, load);
  const Checkpoint& checkpoint = model->checkpoint;
  Json tokenizer_json;
  if (HasTokenizer(checkpoint)) {
    const auto tokenizer = Tokenizer::FromCheckpoint(checkpoint);
    CheckVocabulary(*model, *tokenizer);
    tokenizer_json = TokenizerToJson(*tokenizer);
  }
  const auto source = ChatTemplate::FindSource(checkpoint);
  if (source) ChatTemplate(*source, path + " chat template");  // throws what is wrong with it
  if (options.deep) {
    RefuseNonFinite(checkpoint.tensors, path);
    RefuseNonFinite(model->weights.packed, path);
  }
  Json files = JsonArray{};
  for (const auto& file : checkpoint.files) files.Append(file->path());
  Json out = JsonObject{};
  out.Set("path", path);
  out.Set("container", ContainerName(checkpoint.container));
  out.Set("files", std::move(files));
  out.Set("parameters", Parameters(*model));
  out.Set("active_parameters", Parameters(*model) - IdleParameters(model->spec));
  out.Set("weight_bytes", TotalBytes(checkpoint.tensors));
  out.Set("kv_bytes_per_token", KvBytesPerToken(*model));
  out.Set("state_bytes_per_sequence", StateBytes(*model, 1));
  out.Set("left_aside", LeftAside(*model));
  const std::string_view goldens = GoldensOf(model->spec.family);
  out.Set("goldens", goldens.empty() ? Json() : Json(std::string(goldens)));
  // Reads all weights, which a look at the headers must not.
  if (options.deep) out.Set("weights_fingerprint", WeightsFingerprint(*model, RunnerOptions{}));
  out.Set("numerics_version", kNumericsVersion);
  out.Set("deep", options.deep);
  out.Set("config", checkpoint.config.values());
  out.Set("spec", SpecToJson(model->spec));
  out.Set("packed", PackedToJson(model->weights.packed));
  out.Set("tokenizer", std::move(tokenizer_json));
  out.Set("chat_template", source ? Json(*source) : Json());
  if (checkpoint.gguf != nullptr) out.Set("gguf", GgufToJson(*checkpoint.gguf));
  out.Set("tensors", TensorsToJson(checkpoint.tensors));
  return out;
}

// A safetensors file alone says nothing about the network: only the container is checked.
Json InspectContainer(const std::string& path, const InspectOptions& options) {
  const Safetensors file = OpenSafetensorsFile(path);
  if (options.deep) RefuseNonFinite(file.tensors, path);
  Json metadata = JsonObject{};
  for (const auto& [key, value] : file.metadata) metadata.Set(key, value);
  Json out = JsonObject{};
  out.Set("path", path);
  out.Set("container", "safetensors");
  out.Set("parameters", TotalElements(file.tensors));
  out.Set("weight_bytes", TotalBytes(file.tensors));
  out.Set("deep", options.deep);
  out.Set("metadata", std::move(metadata));
  out.Set("tensors", TensorsToJson(file.tensors));
  return out;
}

std::string Summary(const Json& found) {
  std::string text;
  const auto line = [&](const char* label, const std::string& value) {
    text += fmt::format("{:<14} {}\n", label, value);
  };
  line("path", found.Find("path")->as_string());
  line("container", found.Find("container")->as_string());
  line("parameters", HumanCount(found.Find("parameters")->as_int()));
  if (const Json* active = found.Find("active_parameters")) {
    line("active", HumanCount(active->as_int()) + " per token");
  }
  line("weights", HumanBytes(found.Find("weight_bytes")->as_int()));
  if (const Json* kv = found.Find("kv_bytes_per_token")) {
    line("cache", HumanBytes(kv->as_int()) + " per token (f16)");
    const int64_t state = found.Find("state_bytes_per_sequence")->as_int();
    if (state > 0) line("state", HumanBytes(state) + " per sequence");
    const Json* aside = found.Find("left_aside");
    if (const int64_t count = aside->Find("tensors")->as_int(); count > 0) {
      line("left aside", fmt::format("{} tensors, {}: no part of what is computed", count,
                                     HumanBytes(aside->Find("bytes")->as_int())));
    }
    const Json* goldens = found.Find("goldens");
    line("compared with",
         goldens->is_null() ? "no reference yet (unverified)" : goldens->as_string());
  }
  if (const Json* spec = found.Find("spec")) {
    for (const auto& [key, value] : spec->as_object()) {
      if (key == "long_context") {
        line("long context", LongContextText(value));
      } else if (!value.is_array()) {
        line(key.c_str(), value.is_string() ? value.as_string() : DumpJson(value));
      }
    }
    for (const Json& layer : spec->Find("layers")->as_array()) line("layers", DumpJson(layer));
    for (const Json& form : found.Find("packed")->as_array()) line("packed", DumpJson(form));
    const Json* tokenizer = found.Find("tokenizer");
    line("tokenizer", tokenizer->is_null() ? "none" : DumpJson(*tokenizer));
    const Json* chat = found.Find("chat_template");
    line("chat template",
         chat->is_null() ? "none" : fmt::format("{} bytes", chat->as_string().size()));
    const Json* fingerprint = found.Find("weights_fingerprint");
    if (fingerprint != nullptr) line("fingerprint", fingerprint->as_string());
  }
  std::vector<std::vector<std::string>> rows = {{"tensor", "type", "shape", "size"}};
  for (const Json& tensor : found.Find("tensors")->as_array()) {
    rows.push_back({tensor.Find("name")->as_string().substr(0, 120),
                    tensor.Find("dtype")->as_string(), DumpJson(*tensor.Find("shape")),
                    HumanBytes(tensor.Find("bytes")->as_int())});
  }
  return text + "\n" + FormatTable(rows);
}

int Execute(const InspectOptions& options, const LoadedSettings& settings) {
  const std::string path = ResolveModel(options.model, settings.values);
  if (IsLora(path)) {
    const Json found = InspectLora(path);
    PrintOut(options.json ? DumpJson(found) + "\n" : LoraSummary(found));
    return kExitOk;
  }
  const bool alone = path.ends_with(".safetensors") && !DirectoryExists(path);
  const Json found = alone ? InspectContainer(path, options) : InspectModel(path, options);
  PrintOut(options.json ? DumpJson(found) + "\n" : Summary(found));
  return kExitOk;
}

}  // namespace

Command AddInspectCommand(CommandParser& program) {
  auto options = std::make_shared<InspectOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "inspect",
       .description = "Check a model completely and show its parts; any problem is an error"});
  command.AddOption(
      "model", &options->model,
      "path or name, also of a LoRA adapter; a .safetensors file alone: only the container",
      {.type = "MODEL", .required = true});
  command.AddFlag("--deep", &options->deep,
                  "also read every weight: fingerprint, and whether there is NaN or infinity");
  command.AddOption("--allow-unknown-key", &options->allowed_keys,
                    "accept this unknown key of the configuration (repeatable)", {.type = "KEY"});
  command.AddFlag("--json", &options->json, "print one JSON object");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
