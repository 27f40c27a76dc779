// The readers of configuration parts that families share.
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/exact_math.h"
#include "model/families.h"

namespace tael {
namespace {

// Keys without influence on inference, or used elsewhere (tokenizer, generation defaults).
constexpr const char* kHarmlessKeys[] = {
    "architectures",
    "model_type",
    "torch_dtype",
    "dtype",
    "transformers_version",
    "use_cache",
    "initializer_range",
    "attention_dropout",
    "hidden_dropout",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "pretraining_tp",
    "_name_or_path",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "is_encoder_decoder",
    "unsloth_fixed",
    "transformers.js_config",
    "_attn_implementation_autoset",
    "is_llama_config",
    "tokenizer_class",
    "auto_map",
    "eod_token_id",
    "sep_token_id",
};

void ReadYarn(const ConfigView& config, const ConfigView& scaling, RopeSpec* rope) {
  rope->scaling = RopeScalingKind::kYarn;
  rope->original_context =
      scaling.Double("original_max_position_embeddings", config.Double("max_position_embeddings"));
  rope->factor = scaling.Has("factor")
                     ? scaling.Double("factor")
                     : config.Double("max_position_embeddings") / rope->original_context;
  rope->beta_fast = scaling.Double("beta_fast", 32.0);
  rope->beta_slow = scaling.Double("beta_slow", 1.0);
  rope->truncate = scaling.Bool("truncate", true);
  if (scaling.Has("attention_factor")) {
    rope->attention_factor = scaling.Double("attention_factor");
    scaling.Ignore("mscale");
    scaling.Ignore("mscale_all_dim");
  } else if (scaling.Double("mscale", 0) != 0 && scaling.Double("mscale_all_dim", 0) != 0) {
    rope->attention_factor = YarnScale(rope->factor, scaling.Double("mscale")) /
                             YarnScale(rope->factor, scaling.Double("mscale_all_dim"));
  } else {
    rope->attention_factor = YarnScale(rope->factor, 1.0);
  }
}

// Hunyuan's "dynamic": a larger base that does not depend on the length. The file repeats the keys
// of yarn beside it; the published code reads none of them.
void ReadAlpha(const ConfigView& config, const ConfigView& scaling, RopeSpec* rope) {
  const double alpha = scaling.Double("alpha"), n = rope->rotary_dim;
  if (!(alpha > 0) || n <= 2) {
    Fail(ErrorCode::kCorrupt, "{}: rope alpha is {} for {} rotated elements, needed above 0 and 2",
         config.where(), alpha, n);
  }
  rope->theta *= ExactPow(alpha, n / (n - 2));
  for (const char* key : {"factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"}) {
    scaling.Ignore(key);
  }
}

// Two lists of divisors exist, for texts within the original length and beyond; which one a model
// uses is said when it is loaded (spec/long_context.h).
void ReadLongRope(const ConfigView& config, const ConfigView& scaling, RopeSpec* rope) {
  rope->scaling = RopeScalingKind::kPerDimension;
  const char* key = "original_max_position_embeddings";
  const double outside = config.Double(key, 0);
  rope->original_context = scaling.Double(key, outside);
  if (outside != 0 && outside != rope->original_context) {
    Fail(ErrorCode::kCorrupt, "{}: {} is {}, but {} where rope is scaled", config.where(), key,
         outside, rope->original_context);
  }
  if (rope->original_context <= 1) {
    Fail(ErrorCode::kCorrupt, "{}: {} is {}, needed above 1", config.where(), key,
         rope->original_context);
  }
  const double longest = config.Double("max_position_embeddings");
  rope->factor = scaling.Double("factor", longest / rope->original_context);
  const double stretched =
      rope->factor <= 1 ? 1.0
                        : std::sqrt(1 + ExactLog(rope->factor) / ExactLog(rope->original_context));
  rope->attention_factor = scaling.Double("attention_factor", stretched);
  const auto read = [&](const char* list, std::vector<float>* divisors) {
    for (const double divisor : scaling.Doubles(list)) {
      divisors->push_back(static_cast<float>(divisor));
    }
  };
  read("short_factor", &rope->divisors);
  read("long_factor", &rope->long_divisors);
}

void ReadScaling(const ConfigView& config, const ConfigView& scaling, RopeSpec* rope) {
  const std::string type = scaling.String("rope_type", scaling.String("type", "default"));
  scaling.Ignore("type");  // old and new spelling may stand side by side
  if (type == "default" || type == "none") return;
  if (type == "linear") {
    rope->scaling = RopeScalingKind::kLinear;
    rope->factor = scaling.Double("factor");
  } else if (type == "llama3") {
    rope->scaling = RopeScalingKind::kFrequencyBands;
    rope->factor = scaling.Double("factor");
    rope->low_freq_factor = scaling.Double("low_freq_factor");
    rope->high_freq_factor = scaling.Double("high_freq_factor");
    rope->original_context = scaling.Double("original_max_position_embeddings");
  } else if (type == "yarn") {
    ReadYarn(config, scaling, rope);
  } else if (type == "longrope" || type == "su") {
    ReadLongRope(config, scaling, rope);
  } else if (type == "dynamic" && scaling.Has("alpha")) {
    ReadAlpha(config, scaling, rope);
  } else {
    Fail(ErrorCode::kUnsupported,
         "{}: rope type '{}' is not known; known are default, linear, llama3, yarn, "
         "longrope, dynamic with alpha",
         config.where(), type);
  }
}

// The part of each head that is rotated. Older configurations state it at the top, newer ones
// beside the base, some in both places.
double ReadRotatedPart(const ConfigView& config, const RopeDefaults& usual) {
  std::optional<double> part;
  const auto take = [&](const ConfigView& holder) {
    if (!holder.Has("partial_rotary_factor")) return;
    const double found = holder.Double("partial_rotary_factor");
    if (part.value_or(found) != found) {
      Fail(ErrorCode::kCorrupt, "{}: partial_rotary_factor is {} in one place and {} in another",
           config.where(), *part, found);
    }
    part = found;
  };
  take(config);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (const std::optional<ConfigView> nested = config.Object(key)) take(*nested);
  }
  const double value = part.value_or(usual.part.value_or(1.0));
  if (!(value > 0 && value <= 1)) {
    Fail(ErrorCode::kCorrupt, "{}: partial_rotary_factor is {}, needed above 0 and at most 1",
         config.where(), value);
  }
  if (!usual.part && value != 1) {
    Fail(ErrorCode::kUnsupported,
         "{}: partial_rotary_factor is {}; this family rotates whole heads", config.where(), value);
  }
  return value;
}

}  // namespace

double YarnScale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * ExactLog(factor) + 1.0;
}

DecoderSpec ReadCommon(const ConfigView& config, bool tied_by_default) {
  for (const char* key : kHarmlessKeys) config.Ignore(key);
  DecoderSpec spec;
  spec.hidden_size = config.Int("hidden_size");
  spec.vocab_size = config.Int("vocab_size");
  spec.max_context = config.Int("max_position_embeddings");
  spec.norm_eps = static_cast<float>(config.Double("rms_norm_eps"));
  spec.tied_head = config.Bool("tie_word_embeddings", tied_by_default);
  return spec;
}

void RequireBool(const ConfigView& config, const char* key, bool value) {
  if (config.Bool(key, value) == value) return;
  Fail(ErrorCode::kUnsupported, "{}: {} is {}, supported is {}", config.where(), key, !value,
       value);
}

void RequireInt(const ConfigView& config, const char* key, int value) {
  const int found = config.Int(key, value);
  if (found == value) return;
  Fail(ErrorCode::kUnsupported, "{}: {} is {}, supported is {}", config.where(), key, found, value);
}

void RequireSame(const ConfigView& config, const char* key, int value) {
  const int repeated = config.Int(key, value);
  if (repeated == value) return;
  Fail(ErrorCode::kCorrupt, "{}: {} is {}, but another key says {}", config.where(), key, repeated,
       value);
}

void RequireText(const ConfigView& config, const char* key, const char* value) {
  const std::string found = config.String(key, value);
  if (found == value) return;
  Fail(ErrorCode::kUnsupported, "{}: {} is '{}'; known for this family is {}", config.where(), key,
       found, value);
}

void RequireRopeTheta(const ConfigView& config) {
  if (config.Has("rope_theta")) return;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const std::optional<ConfigView> scaling = config.Object(key);
    if (scaling.has_value() && scaling->Has("rope_theta")) return;
  }
  Fail(ErrorCode::kCorrupt, "{}: rope_theta is missing, and this family has no usual one",
       config.where());
}

int ReadWindow(const ConfigView& config) {
  const int window = config.Int("sliding_window");
  if (window >= 1) return window;
  Fail(ErrorCode::kCorrupt, "{}: sliding_window is {}, needed at least 1 for layers that have one",
       config.where(), window);
}

int ReadWindowOr(const ConfigView& config, int absent) {
  const bool named = config.values().Find("sliding_window") != nullptr;
  return config.Int("sliding_window", named ? 0 : absent);
}

RopeSpec ReadRope(const ConfigView& config, int rotary_dim, const RopeDefaults& usual) {
  RopeSpec rope;
  rope.pairing =
      config.Bool("rope_interleaved", false) ? RopePairing::kInterleaved : RopePairing::kHalfSplit;
  rope.rotary_dim =
      config.Int("rotary_dim", static_cast<int>(rotary_dim * ReadRotatedPart(config, usual)));
  rope.theta = config.Double("rope_theta", usual.theta);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const std::optional<ConfigView> scaling = config.Object(key);
    if (!scaling.has_value()) continue;
    rope.theta = scaling->Double("rope_theta", rope.theta);
    ReadScaling(config, *scaling, &rope);
  }
  return rope;
}

RopeSpec ReadRopeOfLayers(const ConfigView& config, const ConfigView& rope, int rotary_dim,
                          const RopeDefaults& defaults) {
  RopeSpec spec;
  spec.rotary_dim = rotary_dim;
  spec.theta = rope.Double("rope_theta", defaults.theta);
  ReadScaling(config, rope, &spec);
  return spec;
}

GqaSpec ReadGqa(const ConfigView& config, const RopeDefaults& usual) {
  GqaSpec gqa;
  gqa.num_heads = config.Int("num_attention_heads");
  gqa.num_kv_heads = config.Int("num_key_value_heads", gqa.num_heads);
  // A spec with 0 heads is refused by Validate(); only the division must be safe here.
  const int derived = gqa.num_heads > 0 ? config.Int("hidden_size") / gqa.num_heads : 0;
  gqa.head_dim = config.Int("head_dim", derived);
  gqa.rope = ReadRope(config, gqa.head_dim, usual);
  gqa.scale = gqa.head_dim > 0 ? 1.0f / std::sqrt(static_cast<float>(gqa.head_dim)) : 0.0f;
  return gqa;
}

DenseFfnSpec ReadDenseFfn(const ConfigView& config) {
  const std::string act = config.String("hidden_act", "silu");
  if (act != "silu" && act != "swish") {
    Fail(ErrorCode::kUnsupported, "{}: hidden_act is '{}'; known for this family is silu",
         config.where(), act);
  }
  return {.intermediate_size = config.Int("intermediate_size"),
          .activation = Activation::kSilu,
          .bias = config.Bool("mlp_bias", false)};
}

std::optional<std::vector<bool>> ReadSlidingLayers(const ConfigView& config) {
  if (!config.Has("layer_types")) return std::nullopt;
  const std::vector<std::string> types = config.Strings("layer_types");
  const int count = config.Int("num_hidden_layers");
  if (std::cmp_not_equal(types.size(), count)) {
    Fail(ErrorCode::kCorrupt, "{}: layer_types lists {} layers, num_hidden_layers says {}",
         config.where(), types.size(), count);
  }
  std::vector<bool> sliding;
  for (const std::string& type : types) {
    if (type != "full_attention" && type != "sliding_attention") {
      Fail(ErrorCode::kUnsupported,
           "{}: layer type '{}' is not known; known are full_attention, sliding_attention",
           config.where(), type);
    }
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

std::vector<LayerSpec> ReadWindowedLayers(const ConfigView& config, const GqaSpec& gqa,
                                          const DenseFfnSpec& ffn) {
  const int count = config.Int("num_hidden_layers");
  GqaSpec windowed = gqa;
  const std::optional<std::vector<bool>> listed = ReadSlidingLayers(config);
  // Classes differ in what they take for keys that are absent, so windows need them; null means
  // that there are none.
  const Json* window = config.values().Find("sliding_window");
  const bool none = window != nullptr && window->is_null();
  const bool uses = config.Bool("use_sliding_window", false) && !none;
  config.Ignore("sliding_window");
  config.Ignore("max_window_layers");
  if (uses) windowed.sliding_window = ReadWindow(config);
  const int first_windowed = uses && !listed ? config.Int("max_window_layers") : 0;
  std::vector<LayerSpec> layers;
  for (int i = 0; i < count; ++i) {
    const bool sliding = listed ? (*listed)[static_cast<size_t>(i)] : i >= first_windowed;
    layers.push_back({.attention = sliding ? windowed : gqa, .ffn = ffn});
  }
  return layers;
}

}  // namespace tael
