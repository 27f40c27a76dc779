#include "model/convert/config.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "checkpoint/carried.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/text_config.h"
#include "model/convert/rope_bands.h"
#include "quant/dtype.h"

namespace tael {
namespace {

// The layer that rotates; null: none does.
const RopeSpec* RotatingRope(const DecoderSpec& spec) {
  for (const LayerSpec& layer : spec.layers) {
    const auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    if (gqa != nullptr && gqa->rope.pairing != RopePairing::kNone) return &gqa->rope;
  }
  return nullptr;
}

// The configuration that a file carries although its keys were changed since: no longer the whole
// truth, but where its scaling gives the file's divisors, that is what they were made of.
std::optional<Json> OldScaling(const GgufMetadata& metadata) {
  const std::string text = metadata.Text(carried::kConfig, "");
  if (text.empty()) return std::nullopt;
  const std::string where = metadata.where + " " + carried::kConfig;
  const Json config = FlattenTextConfig(ParseJson(text, where), where);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* scaling = config.Find(key);
    if (scaling != nullptr && scaling->is_object()) return *scaling;
  }
  return std::nullopt;
}

// Scaling that stands in a tensor of divisors.
void AddRopeBands(const Model& model, Json* config) {
  const Checkpoint& checkpoint = model.checkpoint;
  const TensorInfo* tensor = checkpoint.tensors.Find("rope_freqs.weight");
  const RopeSpec* rope = RotatingRope(model.spec);
  if (tensor == nullptr || rope == nullptr || tensor->shape.size() != 1) return;
  std::vector<float> divisors(static_cast<size_t>(tensor->shape[0]));
  DecodeRow(tensor->dtype, tensor->bytes.data(), tensor->shape[0], divisors.data());
  const std::optional<Json> old = OldScaling(*checkpoint.gguf);
  auto scaling = FindRopeBands(*rope, divisors, old ? &*old : nullptr);
  if (!scaling) {
    Fail(ErrorCode::kUnsupported,
         "{}: the divisors in rope_freqs.weight are not those of rope type 'llama3', the only one "
         "that config.json has words for",
         checkpoint.path);
  }
  if (!scaling->is_null()) config->Set("rope_scaling", std::move(*scaling));
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
  // This class has a default for it outside, which it prefers to what stands beside the divisors.
  const Json* scaling = config->Find("rope_scaling");
  const char* original = "original_max_position_embeddings";
  if (architecture == "Phi3ForCausalLM" && scaling != nullptr && scaling->is_object()) {
    if (const Json* found = scaling->Find(original)) config->Set(original, *found);
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
  AddRopeBands(model, &config);
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
