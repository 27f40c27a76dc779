// Gemma 3, the text models: norms around both parts with gains stored as their distance from 1, a
// scaled embedding, tanh GELU, and windowed layers with a base of rope of their own.
// Source: Gemma 3 Technical Report, arXiv:2503.19786, section 2; transformers, models/gemma3.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kFinalNorm, "model.norm.weight", "output_norm.weight", 1},
    {Role::kInputNorm, "model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", 1},
    {Role::kAttentionOutputNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.post_attention_norm.weight", 1},
    {Role::kPostAttentionNorm, "model.layers.{}.pre_feedforward_layernorm.weight",
     "blk.{}.ffn_norm.weight", 1},
    {Role::kFfnOutputNorm, "model.layers.{}.post_feedforward_layernorm.weight",
     "blk.{}.post_ffw_norm.weight", 1},
    {Role::kQueryNorm, "model.layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight", 1},
    {Role::kKeyNorm, "model.layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight", 1},
};

// Every `pattern`-th layer sees all of the past.
std::vector<bool> SlidingLayers(const ConfigView& c) {
  const int pattern = c.Int("sliding_window_pattern", c.Int("_sliding_window_pattern", 6));
  if (auto listed = ReadSlidingLayers(c)) return *listed;
  if (pattern < 1) {
    Fail(ErrorCode::kCorrupt, "{}: sliding_window_pattern is {}, needed at least 1", c.where(),
         pattern);
  }
  std::vector<bool> sliding;
  for (int i = 1; i <= c.Int("num_hidden_layers"); ++i) sliding.push_back(i % pattern != 0);
  return sliding;
}

DenseFfnSpec ReadFfn(const ConfigView& c) {
  const std::string act = c.String("hidden_activation", c.String("hidden_act", ""));
  if (act != "gelu_pytorch_tanh") {
    Fail(ErrorCode::kUnsupported,
         "{}: hidden_activation is '{}'; known for this family is gelu_pytorch_tanh", c.where(),
         act);
  }
  return {.intermediate_size = c.Int("intermediate_size"), .activation = Activation::kGeluTanh};
}

// Older configurations state one rope and the base of the windowed layers, newer ones an object for
// each kind of layers.
void ReadRopes(const ConfigView& c, GqaSpec* global, GqaSpec* local) {
  const auto parameters = c.Object("rope_parameters");
  if (!parameters || !parameters->Has("full_attention")) {
    // Never stretched: its window is shorter than what it was trained on.
    local->rope = {.rotary_dim = local->head_dim,
                   .theta = c.Double("rope_local_base_freq", 10000.0)};
    return;
  }
  c.Ignore("rope_local_base_freq");  // both spellings stand in some
  const auto full = parameters->Object("full_attention");
  const auto sliding = parameters->Object("sliding_attention");
  if (!sliding) {
    Fail(ErrorCode::kCorrupt, "{}: rope_parameters has full_attention, but no sliding_attention",
         c.where());
  }
  global->rope = ReadRopeOfLayers(c, *full, global->head_dim, {.theta = 1000000});
  local->rope = ReadRopeOfLayers(c, *sliding, local->head_dim);
}

DecoderSpec DescribeGemma3(const ConfigView& c) {
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (!c.Has(key)) {
      c.Ignore(key);  // null in all published models of this generation
      continue;
    }
    Fail(ErrorCode::kUnsupported, "{}: {} is set, which this build does not compute", c.where(),
         key);
  }
  RequireBool(c, "use_bidirectional_attention", false);
  c.Ignore("cache_implementation");
  GqaSpec global = ReadGqa(c, {.theta = 1e6});
  global.qk_norm = true;
  global.qkv_bias = global.output_bias = c.Bool("attention_bias", false);
  global.scale = 1.0f / std::sqrt(static_cast<float>(c.Double("query_pre_attn_scalar")));
  GqaSpec local = global;
  const std::vector<bool> sliding_layers = SlidingLayers(c);
  if (std::find(sliding_layers.begin(), sliding_layers.end(), true) != sliding_layers.end()) {
    local.sliding_window = ReadWindow(c);
  } else {
    c.Ignore("sliding_window");
  }
  ReadRopes(c, &global, &local);

  DecoderSpec spec = ReadCommon(c, /*tied_by_default=*/true);
  spec.family = "gemma3";
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden_size));
  const DenseFfnSpec ffn = ReadFfn(c);
  for (const bool sliding : sliding_layers) {
    spec.layers.push_back(
        {.attention = sliding ? local : global, .ffn = ffn, .norms = NormPlacement::kAround});
  }
  return spec;
}

}  // namespace

extern const Family kGemma3, kGemma3Multimodal;
const Family kGemma3{"Gemma3ForCausalLM", &DescribeGemma3, kNames};
const Family kGemma3Multimodal{"Gemma3ForConditionalGeneration", &DescribeGemma3, kNames};

}  // namespace tael
