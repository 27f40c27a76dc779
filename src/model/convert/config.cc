#include "model/convert/config.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "checkpoint/carried.h"
#include "checkpoint/gguf_keys.h"
#include "ops/rope.h"

namespace tael {
namespace {

// llama3's rule with the constants of all published models: wavelengths above original / 1 are
// stretched by the factor, below original / 4 kept, blended between.
constexpr double kLow = 1, kHigh = 4;

// The length for which a blended divisor stands: 1 / d = (1 - s) / factor + s with
// s = (original / wavelength - low) / (high - low).
double OriginalContext(double divisor, double factor, double wavelength) {
  const double blend = (1 / divisor - 1 / factor) / (1 - 1 / factor);
  return wavelength * (blend * (kHigh - kLow) + kLow);
}

// The scaling of which `divisors` are the trace. Throws when it is none of llama3's.
Json BandsOf(const RopeSpec& rope, const std::vector<float>& divisors, const std::string& where) {
  RopeSpec bands = rope;
  bands.scaling = RopeScalingKind::kFrequencyBands;
  bands.low_freq_factor = kLow;
  bands.high_freq_factor = kHigh;
  bands.factor = std::round(static_cast<double>(divisors.back()) * 1e3) / 1e3;
  bands.original_context = 0;
  RopeSpec plain = rope;
  plain.divisors = {};
  const std::vector<float> unscaled = ComputeRopeFrequencies(plain).inverse;
  for (size_t i = 0; i < divisors.size(); ++i) {
    const auto divisor = static_cast<double>(divisors[i]);
    if (divisor <= 1 || divisor >= bands.factor) continue;
    const double wavelength = 2 * std::numbers::pi / static_cast<double>(unscaled[i]);
    bands.original_context = std::round(OriginalContext(divisor, bands.factor, wavelength));
    break;
  }
  bool same = bands.original_context > 0;
  if (same) {
    const std::vector<float> scaled = ComputeRopeFrequencies(bands).inverse;
    for (size_t i = 0; i < divisors.size(); ++i) {
      const double found = static_cast<double>(unscaled[i]) / static_cast<double>(scaled[i]);
      same = same && std::fabs(found / static_cast<double>(divisors[i]) - 1) < 1e-5;
    }
  }
  if (!same) {
    Fail(ErrorCode::kUnsupported,
         "{}: rope_freqs.weight holds divisors that are not those of rope type 'llama3'", where);
  }
  Json scaling{JsonObject{}};
  scaling.Set("rope_type", "llama3");
  scaling.Set("factor", bands.factor);
  scaling.Set("low_freq_factor", kLow);
  scaling.Set("high_freq_factor", kHigh);
  scaling.Set("original_max_position_embeddings", static_cast<int64_t>(bands.original_context));
  return scaling;
}

// What Hugging Face's classes call things that GGUF's keys say in another way.
void AddUsualWords(const Model& model, Json* config) {
  const std::string architecture = model.checkpoint.config.Strings("architectures")[0];
  const auto text_alone = [&](const char* name, const char* type) {
    config->Set("architectures", JsonArray{Json(name)});
    config->Set("model_type", type);
  };
  // GGUF files hold the text model without its wrapper.
  if (architecture == "Qwen3_5ForConditionalGeneration") {
    text_alone("Qwen3_5ForCausalLM", "qwen3_5_text");
  } else if (architecture == "Qwen3_5MoeForConditionalGeneration") {
    text_alone("Qwen3_5MoeForCausalLM", "qwen3_5_moe_text");
  }
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    if (tensor.dtype != DType::kMXFP4 || architecture != "GptOssForCausalLM") continue;
    Json quantization{JsonObject{}};
    quantization.Set("quant_method", "mxfp4");
    Json plain{JsonArray{}};
    for (const char* part : {"model.layers.*.self_attn", "model.layers.*.mlp.router",
                             "model.embed_tokens", "lm_head"}) {
      plain.Append(part);
    }
    quantization.Set("modules_to_not_convert", std::move(plain));
    config->Set("quantization_config", std::move(quantization));
    return;
  }
}

// Classes that name the rotated part of a head by its share do not read its width.
void NameRotatedPart(const Model& model, Json* config) {
  const GgufArch* arch = FindGgufArch(model.checkpoint.gguf->Text("general.architecture", ""));
  const Json* width = config->Find("rotary_dim");
  if (width == nullptr || !width->is_int() || arch == nullptr) return;
  if (!arch->rotates_part && std::string_view(arch->name) != "phi3") return;
  for (const LayerSpec& layer : model.spec.layers) {
    const auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    if (gqa == nullptr) continue;
    const double share = static_cast<double>(width->as_int()) / gqa->head_dim;
    if (static_cast<int64_t>(gqa->head_dim * share) != width->as_int()) return;
    config->Set("partial_rotary_factor", share);
    std::erase_if(config->as_object(),
                  [](const auto& entry) { return entry.first == "rotary_dim"; });
    return;
  }
}

}  // namespace

Json HfConfigOf(const Model& model) {
  const Checkpoint& checkpoint = model.checkpoint;
  if (auto carried = carried::Config(*checkpoint.gguf)) return std::move(*carried);
  Json config{JsonObject{}};
  for (const auto& [key, value] : checkpoint.config.values().as_object()) {
    // Of Tael's own vocabulary: the order of rows, which goes back to Hugging Face's.
    if (key != "rope_interleaved" && key != "linear_value_heads_tiled") config.Set(key, value);
  }
  AddUsualWords(model, &config);
  NameRotatedPart(model, &config);
  const TensorInfo* tensor = checkpoint.tensors.Find("rope_freqs.weight");
  const auto* gqa = std::get_if<GqaSpec>(&model.spec.layers[0].attention);
  if (tensor != nullptr && gqa != nullptr && tensor->shape.size() == 1 && tensor->shape[0] > 0) {
    std::vector<float> divisors(static_cast<size_t>(tensor->shape[0]));
    DecodeRow(tensor->dtype, tensor->bytes.data(), tensor->shape[0], divisors.data());
    config.Set("rope_scaling", BandsOf(gqa->rope, divisors, checkpoint.path));
  }
  // The type of most matrices.
  for (const TensorInfo& info : checkpoint.tensors.all()) {
    if (info.shape.size() != 2) continue;
    const bool half = info.dtype == DType::kF16, brain = info.dtype == DType::kBF16;
    config.Set("torch_dtype", half ? "float16" : (brain ? "bfloat16" : "float32"));
    if (half || brain) break;
  }
  for (const auto& [name, key] : {std::pair{"bos_token_id", "tokenizer.ggml.bos_token_id"},
                                  {"eos_token_id", "tokenizer.ggml.eos_token_id"}}) {
    if (checkpoint.gguf->Find(key) != nullptr) config.Set(name, checkpoint.gguf->Integer(key, 0));
  }
  return config;
}

}  // namespace tael
