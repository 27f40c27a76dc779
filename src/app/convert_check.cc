#include "app/convert_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>

#include "app/spec_json.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/printable.h"
#include "checkpoint/text_config.h"

namespace tael {
namespace {

// float32 keys stand for doubles of config.json.
constexpr double kTolerance = 1e-6;

// Appends "path: a, not b" for every difference.
void Compare(const Json& found, const Json& wanted, const std::string& path,
             std::vector<std::string>* differences) {
  if (found.is_number() && wanted.is_number()) {
    const double a = found.as_double(), b = wanted.as_double();
    if (std::fabs(a - b) <= kTolerance * std::fabs(b)) return;
  } else if (found.is_object() && wanted.is_object()) {
    for (const auto& [key, value] : wanted.as_object()) {
      const Json* other = found.Find(key);
      Compare(other == nullptr ? Json() : *other, value, path + "." + key, differences);
    }
    for (const auto& [key, value] : found.as_object()) {
      if (wanted.Find(key) == nullptr) Compare(value, Json(), path + "." + key, differences);
    }
    return;
  } else if (found.is_array() && wanted.is_array() &&
             found.as_array().size() == wanted.as_array().size()) {
    for (size_t i = 0; i < found.as_array().size(); ++i) {
      Compare(found.as_array()[i], wanted.as_array()[i], fmt::format("{}[{}]", path, i),
              differences);
    }
    return;
  }
  if (found == wanted) return;
  differences->push_back(fmt::format("{}: {}, not {}", path.substr(1),
                                     DumpJson(found).substr(0, 200),
                                     DumpJson(wanted).substr(0, 200)));
}

// What the two containers spell differently on purpose: the order of q and k and of value heads,
// and llama3's scaling, which GGUF writes as a tensor.
void Neutralise(DecoderSpec* spec) {
  for (LayerSpec& layer : spec->layers) {
    if (auto* net = std::get_if<GatedDeltaNetSpec>(&layer.attention)) {
      net->tiled_value_heads = false;
    }
    auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    if (gqa == nullptr) continue;
    if (gqa->rope.pairing == RopePairing::kInterleaved) {
      gqa->rope.pairing = RopePairing::kHalfSplit;
    }
    if (gqa->rope.scaling != RopeScalingKind::kFrequencyBands) continue;
    gqa->rope.scaling = RopeScalingKind::kNone;
    gqa->rope.factor = 1;
    gqa->rope.original_context = 0;
  }
  spec->prediction_layers = 0;  // their tensors are left out
  spec->prediction_layer.reset();
}

void RequireSame(const Model& model, const Checkpoint& other, const char* what) {
  DecoderSpec found = DescribeCheckpoint(other), wanted = model.spec;
  Neutralise(&found);
  Neutralise(&wanted);
  wanted.family = found.family;  // some share an architecture in GGUF files
  std::vector<std::string> differences;
  Compare(SpecToJson(found), SpecToJson(wanted), "", &differences);
  if (differences.empty()) return;
  Fail(ErrorCode::kUnsupported, "{}: {} cannot express this network; it would come out with {}",
       model.checkpoint.path, what, fmt::join(differences, "; "));
}

constexpr std::string_view kGgufEnding = ".gguf";

// STEM-00001-of-00002ENDING, with any digits.
bool IsPart(std::string_view name, std::string_view stem, std::string_view ending) {
  constexpr std::string_view kPattern = "-00000-of-00000";
  if (name.size() != stem.size() + kPattern.size() + ending.size() || !name.starts_with(stem) ||
      !name.ends_with(ending)) {
    return false;
  }
  const auto fits = [](char pattern, char c) {
    return pattern == '0' ? c >= '0' && c <= '9' : c == pattern;
  };
  return std::equal(kPattern.begin(), kPattern.end(),
                    name.begin() + static_cast<std::ptrdiff_t>(stem.size()), fits);
}

// Files that are read as part of a directory's model and that a conversion may leave as they are.
bool BelongsToModel(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "model.safetensors",   "model.safetensors.index.json",
      "chat_template.jinja", "chat_template.json",
      "tokenizer.json.gz",   "tokenizer.model",
      "tiktoken.model",      "tokenizer.bin"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         name.ends_with(".tiktoken") || IsPart(name, "model", ".safetensors");
}

// As the user wrote the directory of `path`.
std::string Beside(const std::string& path, const std::string& name) {
  return path.substr(0, path.size() - BaseName(path).size()) + Printable(name);
}

}  // namespace

void CheckGgufDescribes(const Model& model, const GgufEntries& entries,
                        const std::vector<TensorSource>& tensors) {
  GgufMetadata metadata;
  metadata.where = "the new GGUF file";
  metadata.entries = entries;
  TensorIndex index;
  std::map<std::string, std::vector<uint8_t>> read;  // what configurations are made of
  for (const TensorSource& tensor : tensors) {
    std::span<const uint8_t> bytes;
    if (tensor.name.starts_with("rope_")) {
      std::vector<uint8_t>& copy = read[tensor.name];
      tensor.produce([&](std::span<const uint8_t> piece) {
        copy.insert(copy.end(), piece.begin(), piece.end());
      });
      bytes = copy;
    }
    index.Add({.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape, .bytes = bytes},
              metadata.where);
  }
  Checkpoint other{.path = metadata.where,
                   .directory = {},
                   .container = Container::kGguf,
                   .config = ConfigFromGguf(metadata, index),
                   .tensors = std::move(index),
                   .gguf = nullptr,
                   .files = {},
                   .eos_token_ids = {},
                   .generation_config = std::nullopt};
  RequireSame(model, other, "GGUF's keys");
}

void CheckConfigDescribes(const Model& model, const Json& config) {
  const Checkpoint other{
      .path = "the new config.json",
      .directory = {},
      .container = Container::kSafetensors,
      .config = ConfigView(FlattenTextConfig(config, "the new config.json"), "the new config.json"),
      .tensors = {},
      .gguf = nullptr,
      .files = {},
      .eos_token_ids = {},
      .generation_config = std::nullopt};
  RequireSame(model, other, "config.json");
}

void CheckGgufTarget(const std::string& target, const std::vector<std::string>& paths, bool force) {
  const std::string directory = DirName(target), name = BaseName(target);
  const std::string_view stem = std::string_view(name).substr(0, name.size() - kGgufEnding.size());
  std::vector<std::string> there;
  if (DirectoryExists(directory)) {
    for (const std::string& file : ListDirectory(directory)) {
      if (file == name || IsPart(file, stem, kGgufEnding)) there.push_back(file);
    }
  }
  for (const std::string& file : there) {
    if (std::any_of(paths.begin(), paths.end(),
                    [&](const auto& p) { return BaseName(p) == file; })) {
      continue;
    }
    Fail(ErrorCode::kInvalidArgument,
         "{}: exists already and would stay beside the new {}. Hint: remove it, or choose another "
         "name",
         Beside(target, file), BaseName(paths[0]));
  }
  if (there.empty() || force) return;
  Fail(ErrorCode::kInvalidArgument, "{}: exists already. Hint: --force replaces it",
       Beside(target, there[0]));
}

void CheckSafetensorsTarget(const std::string& directory, const std::vector<std::string>& names,
                            bool force) {
  if (FileExists(directory)) {
    Fail(ErrorCode::kInvalidArgument, "{}: is a file, needed a new or empty directory", directory);
  }
  if (!DirectoryExists(directory)) return;
  const std::vector<std::string> there = ListDirectory(directory);
  for (const std::string& file : there) {
    const bool replaced = std::find(names.begin(), names.end(), file) != names.end();
    if (replaced || !BelongsToModel(file)) continue;
    Fail(ErrorCode::kInvalidArgument,
         "{}: holds another model ({}), which would stay beside the new one. Hint: choose an empty "
         "directory",
         directory, Printable(file));
  }
  if (there.empty() || force) return;
  Fail(ErrorCode::kInvalidArgument,
       "{}: exists already, needed a new or empty directory. Hint: --force writes into it",
       directory);
}

}  // namespace tael
