#include "checkpoint/text_config.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

// Of the parts for other modalities, as Qwen3.5, Gemma 3, Mistral 3 and Kimi-VL spell them.
constexpr std::string_view kOtherModalities[] = {
    "vision_config",
    "audio_config",
    "image_token_id",
    "image_token_index",
    "video_token_id",
    "video_token_index",
    "audio_token_id",
    "audio_token_index",
    "vision_start_token_id",
    "vision_end_token_id",
    "boi_token_index",
    "eoi_token_index",
    "boi_token_id",
    "eoi_token_id",
    "mm_tokens_per_image",
    "media_placeholder_token_id",
    "multimodal_projector_bias",
    "projector_hidden_act",
    "spatial_merge_size",
    "vision_feature_layer",
    "vision_feature_select_strategy",
    "image_seq_length",
    "ignore_index",
};

// The outer object speaks for the whole checkpoint.
constexpr std::string_view kOuter[] = {"architectures", "quantization_config", "eos_token_id",
                                       "bos_token_id", "pad_token_id"};
// Without influence on the text model's numbers; the inner object's is kept.
constexpr std::string_view kInner[] = {"model_type",        "dtype",     "torch_dtype",
                                       "_name_or_path",     "use_cache", "transformers_version",
                                       "initializer_range", "auto_map"};

// What the class behind model_type "gemma3_text" takes for keys that are not there (transformers,
// models/gemma3). The checkpoint of 4 billion parameters relies on it.
void AddGemmaDefaults(Json* text) {
  const auto add = [&](const char* key, const Json& value) {
    const Json* found = text->Find(key);
    if (found == nullptr || found->is_null()) text->Set(key, value);
  };
  add("vocab_size", 262208);
  add("num_attention_heads", 8);
  add("num_key_value_heads", 4);
  add("head_dim", 256);
  add("hidden_activation", "gelu_pytorch_tanh");
  add("max_position_embeddings", 131072);
  add("rms_norm_eps", 1e-6);
  add("query_pre_attn_scalar", 256);
  if (text->Find("rope_parameters") == nullptr) add("rope_theta", 1e6);
}

template <size_t N>
bool IsOneOf(const std::string_view (&list)[N], std::string_view key) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

}  // namespace

Json FlattenTextConfig(Json config, const std::string& where) {
  const Json* nested = config.is_object() ? config.Find("text_config") : nullptr;
  if (nested == nullptr || nested->is_null()) return config;
  if (!nested->is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: key 'text_config' is {}, needed an object", where,
         nested->type_name());
  }
  Json flat = *nested;
  const Json* type = flat.Find("model_type");
  if (type != nullptr && *type == Json("gemma3_text")) AddGemmaDefaults(&flat);
  for (auto& [key, value] : config.as_object()) {
    if (key == "text_config" || value.is_null() || IsOneOf(kOtherModalities, key)) continue;
    const Json* inner = flat.Find(key);
    if (inner == nullptr || inner->is_null() || IsOneOf(kOuter, key)) {
      flat.Set(key, std::move(value));
    } else if (!IsOneOf(kInner, key) && *inner != value) {
      Fail(ErrorCode::kCorrupt,
           "{}: key '{}' is {} at the top and {} in text_config, needed the same", where,
           Printable(key), Printable(DumpJson(value)), Printable(DumpJson(*inner)));
    }
  }
  return flat;
}

}  // namespace tael
