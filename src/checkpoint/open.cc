// Decides what a path holds and opens it with the right reader.
#include "checkpoint/open.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_set.h"
#include "checkpoint/carried.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/llama2c.h"
#include "checkpoint/printable.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/text_config.h"

namespace tael {
namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kGenerationConfig = "generation_config.json";
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// Appends the ids of `config`'s eos_token_id (one or a list) that are not there yet.
void AddEosIds(const ConfigView& config, std::vector<int64_t>* ids) {
  if (!config.Has("eos_token_id")) return;
  for (const int64_t id : config.Ints("eos_token_id")) {
    if (id < 0) {
      Fail(ErrorCode::kCorrupt, "{}: eos_token_id holds {}, needed token ids", config.where(), id);
    }
    if (std::find(ids->begin(), ids->end(), id) == ids->end()) ids->push_back(id);
  }
}

ConfigView ReadConfig(const std::string& path) {
  return ConfigView(FlattenTextConfig(ReadJsonFile(path), path), path);
}

Checkpoint OpenGgufCheckpoint(const std::string& path, const std::string& file,
                              const std::string& config_override) {
  Gguf gguf = OpenGguf(file);
  ConfigView config = ConfigFromGguf(gguf.metadata, gguf.tensors);
  std::vector<int64_t> eos = EosIdsFromGguf(gguf.metadata, config.Int64("vocab_size"));
  if (!config_override.empty()) {
    Json values = ReadConfig(config_override).values();
    // How rows and heads are ordered is a fact of the file, whatever the configuration says.
    for (const char* order : {"rope_interleaved", "linear_value_heads_tiled"}) {
      if (config.Has(order)) values.Set(order, true);
    }
    config = ConfigView(std::move(values), config_override);
    AddEosIds(config, &eos);
  } else if (auto carried = carried::Config(gguf.metadata)) {
    // What the keys were made from says everything exactly, but for the layout of the tensors.
    const std::string where = config.where() + " " + carried::kConfig;
    Json flat = FlattenTextConfig(std::move(*carried), where);
    std::erase_if(flat.as_object(),
                  [](const auto& entry) { return entry.first == "quantization_config"; });
    for (const char* key : {"rope_interleaved", "linear_value_heads_tiled"}) {
      if (config.Has(key)) flat.Set(key, true);
    }
    config = ConfigView(std::move(flat), where);
    AddEosIds(config, &eos);
  } else {
    config = ConfigView(config.values(), config.where());  // forgets the read above
  }
  return {.path = path,
          .directory = DirName(file),
          .container = Container::kGguf,
          .config = std::move(config),
          .tensors = std::move(gguf.tensors),
          .gguf = std::make_shared<const GgufMetadata>(std::move(gguf.metadata)),
          .files = std::move(gguf.files),
          .eos_token_ids = std::move(eos),
          .generation_config = std::nullopt};
}

Checkpoint OpenSafetensorsCheckpoint(const std::string& path, const std::string& file,
                                     const std::string& config_override) {
  const std::string directory = DirName(file);
  const std::string config_path =
      config_override.empty() ? JoinPath(directory, kConfig) : config_override;
  if (!FileExists(config_path)) {
    RefuseHalfReplaced(config_path);
    Fail(ErrorCode::kNotFound,
         "{}: not found, needed beside the weights. "
         "Hint: download the model's config.json into {}",
         config_path, directory);
  }
  ConfigView config = ReadConfig(config_path);
  std::vector<int64_t> eos;
  AddEosIds(config, &eos);
  std::optional<Json> generation;
  const std::string generation_path = JoinPath(directory, kGenerationConfig);
  if (FileExists(generation_path)) {
    const ConfigView view = ReadConfig(generation_path);
    AddEosIds(view, &eos);
    generation = view.values();
  }
  Safetensors opened =
      file.ends_with(".json") ? OpenSafetensorsIndex(file) : OpenSafetensorsFile(file);
  return {.path = path,
          .directory = directory,
          .container = Container::kSafetensors,
          .config = std::move(config),
          .tensors = std::move(opened.tensors),
          .gguf = nullptr,
          .files = std::move(opened.files),
          .eos_token_ids = std::move(eos),
          .generation_config = std::move(generation)};
}

Checkpoint OpenLlama2cCheckpoint(const std::string& path, const std::string& config_override) {
  if (!config_override.empty()) {
    Fail(ErrorCode::kInvalidArgument, "{}: a llama2.c model takes no other config.json ({})", path,
         config_override);
  }
  auto file = std::make_shared<MappedFile>(path);
  Llama2c model = ParseLlama2c(file->bytes(), path);
  return {.path = path,
          .directory = DirName(path),
          .container = Container::kLlama2c,
          .config = std::move(model.config),
          .tensors = std::move(model.tensors),
          .gguf = nullptr,
          .files = {std::move(file)},
          .eos_token_ids = {1, 2},  // run.c stops at BOS, which separates the training stories
          .generation_config = std::nullopt};
}

// Whether `name` is a part of a split GGUF file, and not the first.
bool IsLaterPart(std::string_view name) {
  const size_t split = name.rfind("-of-");
  return name.ends_with(".gguf") && split != std::string_view::npos && split >= 6 &&
         name.size() - split == 14 && name[split - 6] == '-' &&
         name.substr(split - 5, 5) != "00001";
}

// Whose first file is not there, because it is being replaced, is no model that another one in the
// same directory may stand for.
void RefuseHalfReplacedGguf(const std::string& directory, const std::vector<std::string>& names) {
  constexpr std::string_view kEnding = ".gguf";
  for (const std::string& name : names) {
    // What was moved aside is NAME.gguf.old-...; what is only begun has replaced nothing yet.
    const size_t old = name.rfind(".gguf.old-");
    std::string entry = old == std::string::npos ? name : name.substr(0, old + kEnding.size());
    if (IsLaterPart(entry)) {
      entry.replace(entry.rfind("-of-") - 5, 5, "00001");
    } else if (old == std::string::npos) {
      continue;
    }
    entry = JoinPath(directory, entry);
    if (!FileExists(entry)) RefuseHalfReplaced(entry);
  }
}

// The file of a directory to open: safetensors by their standard names, else the only GGUF model.
std::string FindWeights(const std::string& directory) {
  for (const char* name : {kSingle, kIndex}) {
    const std::string file = JoinPath(directory, name);
    if (FileExists(file)) return file;
  }
  const std::vector<std::string> names_there = ListDirectory(directory);
  RefuseHalfReplacedGguf(directory, names_there);
  std::vector<std::string> models;
  for (const std::string& name : names_there) {
    if (!name.ends_with(".gguf") || name.starts_with("mmproj")) continue;
    if (!IsLaterPart(name)) models.push_back(name);
  }
  if (models.size() == 1) return JoinPath(directory, models[0]);
  if (models.empty()) {
    for (const char* name : {kConfig, kSingle, kIndex}) {
      RefuseHalfReplaced(JoinPath(directory, name));
    }
    Fail(ErrorCode::kNotFound, "{}: holds neither {}, {} nor a .gguf file. Hint: {}", directory,
         kSingle, kIndex,
         FileExists(JoinPath(directory, "adapter_config.json"))
             ? "it is an adapter; open its base model and give the adapter beside it."
             : "give the directory or the file of a model.");
  }
  std::string names;
  for (size_t i = 0; i < models.size() && i < 5; ++i) {
    names += (i == 0 ? "" : ", ") + Printable(models[i]);
  }
  Fail(ErrorCode::kInvalidArgument,
       "{}: holds {} GGUF models ({}{}), needed one. Hint: give one file.", directory,
       models.size(), names, models.size() > 5 ? ", ..." : "");
}

bool BeginsLikeGguf(const std::string& path) {
  const MappedFile file(path);
  const std::string_view magic = "GGUF";
  return file.bytes().size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), file.bytes().begin());
}

}  // namespace

Checkpoint OpenCheckpoint(const std::string& path, const std::string& config_override) {
  const std::string file = DirectoryExists(path) ? FindWeights(path) : path;
  if (!FileExists(file)) {
    RefuseHalfReplaced(file);
    Fail(ErrorCode::kNotFound, "{}: does not exist, needed a model's directory or file", path);
  }
  // Blobs of other programs have no ending, so the content counts.
  if (file.ends_with(".gguf") || BeginsLikeGguf(file)) {
    return OpenGgufCheckpoint(path, file, config_override);
  }
  if (file.ends_with(".safetensors") || file.ends_with(".safetensors.index.json")) {
    return OpenSafetensorsCheckpoint(path, file, config_override);
  }
  if (file.ends_with(".bin")) return OpenLlama2cCheckpoint(file, config_override);
  Fail(ErrorCode::kUnsupported,
       "{}: is no model this program can read. "
       "Hint: needed a directory with safetensors, a .gguf, .safetensors or llama2.c .bin file.",
       path);
}

}  // namespace tael
