#include "app/convert_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "app/spec_json.h"
#include "base/error.h"
#include "base/memory.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/text_config.h"
#include "model/bind.h"
#include "model/families.h"

namespace tael {
namespace {

// float32 keys stand for doubles of config.json.
constexpr double kTolerance = 1e-6;
// Divisors are quotients of numbers that were rounded to float32.
constexpr float kRopeTolerance = 1e-6f;
constexpr size_t kMaxListed = 20;

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

// What the layer rotates by; null: nothing.
const RopeFrequencies* RopeOf(const LayerWeights& layer) {
  if (const auto* gqa = std::get_if<GqaWeights>(&layer.attention)) return &gqa->rope;
  if (const auto* mla = std::get_if<MlaWeights>(&layer.attention)) return &mla->rope;
  const auto* compressed = std::get_if<CompressedWeights>(&layer.attention);
  return compressed == nullptr ? nullptr : &compressed->rope;
}

bool Near(float found, float wanted) {
  return std::fabs(found - wanted) <= kRopeTolerance * std::fabs(wanted);
}

// Scaling by divisors stands in no key, so the frequencies that a reader would compute are
// compared.
void CompareRopes(const DecoderWeights& found, const DecoderWeights& wanted,
                  std::vector<std::string>* differences) {
  for (size_t i = 0; i < wanted.layers.size(); ++i) {
    const RopeFrequencies* a = RopeOf(found.layers[i]);
    const RopeFrequencies* b = RopeOf(wanted.layers[i]);
    if (a == nullptr || b == nullptr) continue;  // the same kind of layer, as the specs are
    bool same =
        a->inverse.size() == b->inverse.size() && Near(a->attention_factor, b->attention_factor);
    for (size_t k = 0; same && k < b->inverse.size(); ++k)
      same = Near(a->inverse[k], b->inverse[k]);
    if (same) continue;
    differences->push_back(fmt::format("layers[{}].attention.rope: other frequencies", i));
  }
}

// The tensors as if a file had them. Nobody needs their numbers to know what they are for, but the
// divisors of rope and tables of whole numbers, whose rows are checked, so all others read as
// zeros, from memory that is never made resident.
struct ImaginaryTensors {
  TensorIndex index;
  SystemMemory zeros;
  std::map<std::string, std::vector<uint8_t>> read;
};

ImaginaryTensors Imagine(const std::vector<TensorSource>& tensors, const std::string& where) {
  ImaginaryTensors out;
  int64_t largest = 0;
  for (const TensorSource& tensor : tensors) largest = std::max(largest, tensor.bytes());
  out.zeros = SystemMemory(largest);
  for (const TensorSource& tensor : tensors) {
    std::span<const uint8_t> bytes = out.zeros.bytes().first(static_cast<size_t>(tensor.bytes()));
    const bool whole_numbers = tensor.dtype == DType::kI32 || tensor.dtype == DType::kI64;
    if (tensor.name.starts_with("rope_") || whole_numbers) {
      std::vector<uint8_t>& copy = out.read[tensor.name];
      tensor.produce([&](std::span<const uint8_t> piece) {
        copy.insert(copy.end(), piece.begin(), piece.end());
      });
      bytes = copy;
    }
    out.index.Add(
        {.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape, .bytes = bytes}, where);
  }
  return out;
}

[[noreturn]] void RefuseDifferences(const Model& model, const char* what,
                                    const std::vector<std::string>& differences) {
  const size_t shown = std::min(differences.size(), kMaxListed);
  Fail(ErrorCode::kUnsupported, "{}: {} cannot express this network; it would come out with {}{}",
       model.checkpoint.path, what,
       fmt::join(differences.begin(), differences.begin() + static_cast<std::ptrdiff_t>(shown),
                 "; "),
       shown < differences.size() ? fmt::format("; and {} more", differences.size() - shown) : "");
}

void RequireSame(const Model& model, const Checkpoint& other, const char* what,
                 const std::vector<std::string>& allowed_keys) {
  const DecoderSpec described = DescribeCheckpoint(other, allowed_keys);
  DecoderSpec found = described, wanted = model.spec;
  Neutralise(&found);
  Neutralise(&wanted);
  wanted.family = found.family;  // some share an architecture in GGUF files
  std::vector<std::string> differences;
  Compare(SpecToJson(found), SpecToJson(wanted), "", &differences);
  if (!differences.empty()) RefuseDifferences(model, what, differences);
  const Family* family = FindFamily(other.config.Strings("architectures")[0]);
  TAEL_CHECK(family != nullptr);  // it was described
  CompareRopes(Bind(described, *family, other), model.weights, &differences);
  if (!differences.empty()) RefuseDifferences(model, what, differences);
}

}  // namespace

void CheckGgufDescribes(const Model& model, const GgufEntries& entries,
                        const std::vector<TensorSource>& tensors) {
  GgufMetadata metadata;
  metadata.where = "the new GGUF file";
  metadata.entries = entries;
  ImaginaryTensors imagined = Imagine(tensors, metadata.where);
  const Checkpoint other{.path = model.checkpoint.path + ", converted",
                         .directory = {},
                         .container = Container::kGguf,
                         .config = ConfigFromGguf(metadata, imagined.index),
                         .tensors = std::move(imagined.index),
                         .gguf = nullptr,
                         .files = {},
                         .eos_token_ids = {},
                         .generation_config = std::nullopt};
  RequireSame(model, other, "GGUF's keys", {});
}

void CheckConfigDescribes(const Model& model, const Json& config,
                          const std::vector<TensorSource>& tensors,
                          const std::vector<std::string>& allowed_keys) {
  const std::string where = "the new config.json";
  ImaginaryTensors imagined = Imagine(tensors, "the new directory");
  const Checkpoint other{.path = model.checkpoint.path + ", converted",
                         .directory = {},
                         .container = Container::kSafetensors,
                         .config = ConfigView(FlattenTextConfig(config, where), where),
                         .tensors = std::move(imagined.index),
                         .gguf = nullptr,
                         .files = {},
                         .eos_token_ids = {},
                         .generation_config = std::nullopt};
  RequireSame(model, other, "config.json", allowed_keys);
}

}  // namespace tael
