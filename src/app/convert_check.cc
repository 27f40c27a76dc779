#include "app/convert_check.h"

#include <fmt/ranges.h>

#include <cmath>
#include <map>

#include "app/spec_json.h"
#include "base/error.h"
#include "checkpoint/gguf_config.h"
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

}  // namespace tael
