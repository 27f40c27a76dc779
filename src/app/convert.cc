// `tael convert`: a model from safetensors (or llama2.c) to GGUF or back, bit for bit where both
// have the type.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "app/command.h"
#include "app/convert_check.h"
#include "app/convert_target.h"
#include "app/gguf_form.h"
#include "app/memory.h"
#include "app/model_store.h"
#include "app/tensor_writing.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/carried.h"
#include "checkpoint/write_gguf.h"
#include "checkpoint/write_safetensors.h"
#include "model/convert/config.h"
#include "model/convert/tensors.h"
#include "text/vocabulary_from_gguf.h"

namespace tael {
namespace {

struct ConvertOptions {
  std::string source, target;
  std::optional<std::string> dtype, shard_size;
  std::vector<std::string> allowed_keys;
  bool no_tokenizer = false, force = false;
};

std::optional<DType> MatrixType(const ConvertOptions& options) {
  if (!options.dtype) return std::nullopt;
  if (*options.dtype == "f32") return DType::kF32;
  return *options.dtype == "f16" ? DType::kF16 : DType::kBF16;
}

int64_t ShardBytes(const ConvertOptions& options) {
  return options.shard_size ? ParseByteCount(*options.shard_size, "--shard-size") : 0;
}

// The number that GGUF files name their most frequent type by; nullopt for block types.
std::optional<uint32_t> FileType(const std::vector<TensorSource>& tensors) {
  std::optional<DType> type;
  for (const TensorSource& tensor : tensors) {
    if (tensor.shape.size() < 2 || tensor.dtype == DType::kF32 || tensor.dtype == DType::kI32) {
      continue;
    }
    if (type && *type != tensor.dtype) return std::nullopt;
    type = tensor.dtype;
  }
  if (!type) return 0;
  if (*type == DType::kF16) return 1;
  return *type == DType::kBF16 ? std::optional<uint32_t>(32) : std::nullopt;
}

std::vector<std::string> ToGguf(const ConvertOptions& options, int64_t shard_bytes,
                                const Model& model) {
  GgufForm form =
      MakeGgufForm(model, {.matrices = MatrixType(options), .no_tokenizer = options.no_tokenizer});
  std::vector<TensorSource>& tensors = form.converted.tensors;
  GgufWriteOptions write{.max_shard_bytes = shard_bytes};
  CheckGgufTarget(options.target, GgufPaths(options.target, tensors, write), options.force);
  CheckGgufDescribes(model, form.entries, tensors);
  ReportDropped(form.converted.dropped);
  GgufEntries type;
  if (const auto number = FileType(tensors)) {
    type.emplace_back("general.file_type", GgufU32(*number));
  }
  const GgufEntries entries = Joined(form, type);
  const TensorWriting writing("writing tensors", tensors);
  write.before_commit = [&] { writing.Stop(); };
  return WriteGguf(options.target, entries, tensors, write);
}

// Tensors as they were, when the file says so and its keys were not changed since.
std::vector<std::string> SourceTensors(const GgufMetadata& metadata) {
  const GgufValue* list = metadata.Find(carried::kTensors);
  return list != nullptr && carried::Config(metadata) ? list->strings : std::vector<std::string>();
}

DType NarrowType(const Json& config) {
  for (const char* key : {"torch_dtype", "dtype"}) {
    const Json* type = config.Find(key);
    if (type == nullptr || !type->is_string()) continue;
    if (type->as_string() == "bfloat16") return DType::kBF16;
    if (type->as_string() == "float16") return DType::kF16;
  }
  return DType::kF32;
}

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

// What lies beside the tensors. The configuration is the last: with it the directory is a model.
NamedTexts SideFiles(const ConvertOptions& options, const GgufMetadata& metadata,
                     const std::string& config) {
  NamedTexts files;
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) files.emplace_back(name, text);
  };
  if (!options.no_tokenizer && metadata.Find("tokenizer.ggml.model") != nullptr) {
    const HfTokenizerFiles tokenizer = VocabularyFromGguf(metadata);
    add("tokenizer.json", tokenizer.tokenizer_json);
    add("tokenizer_config.json", tokenizer.tokenizer_config_json);
  }
  add("generation_config.json", metadata.Text(carried::kGenerationConfig, ""));
  add("config.json", config);
  return files;
}

// Files of a model that is replaced, which the new one would be read with.
std::vector<std::string> StaleFiles(const std::string& directory, const NamedTexts& written) {
  std::vector<std::string> stale;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    const bool replaced = std::any_of(written.begin(), written.end(),
                                      [&](const auto& file) { return file.first == name; });
    if (!replaced && FileExists(JoinPath(directory, name))) stale.emplace_back(name);
  }
  return stale;
}

// Makes a directory with its parents, and removes again those that are empty at the end.
class NewDirectory {
 public:
  explicit NewDirectory(const std::string& path) {
    const std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
    std::error_code unknown;  // MakeDirectories() will tell
    for (std::filesystem::path part = whole;
         !part.empty() && !std::filesystem::exists(part, unknown) && !unknown;
         part = part.parent_path()) {
      made_.push_back(part);
    }
    MakeDirectories(path);
  }
  ~NewDirectory() {
    std::error_code ignored;  // those with files cannot be removed
    for (const std::filesystem::path& part : made_) std::filesystem::remove(part, ignored);
  }
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

 private:
  std::vector<std::filesystem::path> made_;  // the deepest first
};

std::vector<std::string> ToSafetensors(const ConvertOptions& options, int64_t shard_bytes,
                                       const Model& model) {
  const GgufMetadata& metadata = *model.checkpoint.gguf;
  Json config = HfConfigOf(model);
  // Decoded matrices are packed no more.
  const bool unpacked = options.dtype && config.Find("quantization_config") != nullptr;
  if (unpacked) {
    std::erase_if(config.as_object(),
                  [](const auto& entry) { return entry.first == "quantization_config"; });
  }
  ConvertedTensors converted = TensorsForSafetensors({model, FamilyOf(model), MatrixType(options)},
                                                     SourceTensors(metadata), NarrowType(config));
  CheckConfigDescribes(model, config, converted.tensors, options.allowed_keys);
  const bool carried = !unpacked && carried::Config(metadata).has_value();
  SafetensorsOptions write{.max_shard_bytes = shard_bytes,
                           .companions = SideFiles(options, metadata,
                                                   carried ? metadata.Text(carried::kConfig, "")
                                                           : DumpJsonPretty(config) + "\n")};
  CheckSafetensorsTarget(options.target, SafetensorsNames(converted.tensors, write), options.force);
  write.removed = StaleFiles(options.target, write.companions);
  CheckSourceStaysWhole(model.checkpoint.directory, options.target, write.removed);
  ReportDropped(converted.dropped);
  const TensorWriting writing("writing tensors", converted.tensors);
  const NewDirectory made(options.target);
  write.before_commit = [&] { writing.Stop(); };
  auto paths = WriteSafetensors(options.target, converted.tensors, write);
  for (const std::string& name : write.removed) {
    Note(JoinPath(options.target, name) + ": removed, the new model has none");
  }
  return paths;
}

int Execute(const ConvertOptions& options, const LoadedSettings& settings) {
  // A limit on the size of files is an error like a full disk, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  const int64_t shard_bytes = ShardBytes(options);
  const std::string path = ResolveModel(options.source, settings.values);
  LoadOptions load;
  load.allowed_keys = options.allowed_keys;
  const std::unique_ptr<Model> model = LoadModel(path, load);
  const Container from = model->checkpoint.container;
  CheckTargetKind(from, path, options.target);
  try {
    const auto paths = from == Container::kGguf ? ToSafetensors(options, shard_bytes, *model)
                                                : ToGguf(options, shard_bytes, *model);
    for (const std::string& written : paths) {
      PrintOut(fmt::format("{}  {}\n", written, HumanBytes(FileSize(written))));
    }
  } catch (const Interrupted& signal) {
    return signal.exit_code;
  }
  return kExitOk;
}

}  // namespace

Command AddConvertCommand(CommandParser& program) {
  auto options = std::make_shared<ConvertOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "convert",
       .description = "Convert a model from safetensors (or llama2.c) to GGUF, or back",
       .footer =
           "Tensors keep their bits where both containers have the type; what GGUF's keys cannot\n"
           "say exactly is carried in keys of its own (tael.*), so that the way back gives the "
           "same\n"
           "files. What would come out as another network is refused before anything is written."});
  command.AddOption("source", &options->source, "model: path or name",
                    {.type = "SOURCE", .required = true});
  command.AddOption("target", &options->target, "NAME.gguf, or a directory for safetensors",
                    {.type = "TARGET", .required = true});
  command.AddOption("--dtype", &options->dtype,
                    "type of all matrices, rounded or decoded where needed (default: as they are)",
                    {.check = OneOf{{"f32", "f16", "bf16"}}});
  command.AddOption("--shard-size", &options->shard_size,
                    "most tensor data in one file, for example 4G (default: one file)",
                    {.type = "SIZE"});
  command.AddFlag("--no-tokenizer", &options->no_tokenizer, "convert the network alone");
  command.AddFlag("--force", &options->force, "replace what is at the target");
  command.AddOption("--allow-unknown-key", &options->allowed_keys,
                    "accept this unknown key of the configuration (repeatable)", {.type = "KEY"});
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
