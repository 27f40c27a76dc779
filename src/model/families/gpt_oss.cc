// OpenAI gpt-oss: a learned sink for each head in the softmax, every other layer windowed, biases
// everywhere, a softmax over the chosen experts only, and a clamped SwiGLU with a shifted linear
// branch.
// Source: gpt-oss model card, arXiv:2508.10925; transformers, models/gpt_oss.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

// Unquantised checkpoints of Hugging Face store experts transposed, gate and up by turns.
constexpr NameRule kNames[] = {
    {Role::kPostAttentionNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.post_attention_norm.weight"},
    {Role::kRouter, "model.layers.{}.mlp.router.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kExpertGateUpColumns, "model.layers.{}.mlp.experts.gate_up_proj", ""},
    {Role::kExpertDownColumns, "model.layers.{}.mlp.experts.down_proj", ""},
};

MoeFfnSpec ReadGptOssExperts(const ConfigView& c) {
  MoeFfnSpec moe =
      ReadExperts(c, {"num_local_experts", "num_experts_per_tok", "intermediate_size"});
  RequireSame(c, "experts_per_token", moe.router.experts_per_token);
  RequireText(c, "scoring_func", "softmax_after_topk");
  moe.router.scoring = RouterScoring::kSoftmaxOfChosen;
  moe.router.gate_bias = true;
  moe.expert_bias = true;
  moe.activation = Activation::kClampedSilu;
  moe.clamp = {.limit = static_cast<float>(c.Double("swiglu_limit", 7.0)),
               .alpha = static_cast<float>(c.Double("swiglu_alpha", 1.702)),
               .up_offset = 1.0f};
  return moe;
}

DecoderSpec DescribeGptOss(const ConfigView& c) {
  GqaSpec full = ReadGqa(c);
  full.qkv_bias = full.output_bias = c.Bool("attention_bias", true);
  full.sinks = true;
  GqaSpec windowed = full;
  windowed.sliding_window = ReadWindow(c);
  RequireRopeTheta(c);
  if (!c.Has("rope_scaling") && !c.Has("rope_parameters")) {
    Fail(ErrorCode::kCorrupt,
         "{}: rope_scaling is missing, without which no model of this family is", c.where());
  }
  if (full.rope.scaling == RopeScalingKind::kYarn) {
    RequireSame(c, "initial_context_length", static_cast<int>(full.rope.original_context));
  }
  DecoderSpec spec = ReadCommon(c);
  spec.family = "gpt-oss";
  const MoeFfnSpec moe = ReadGptOssExperts(c);
  const std::optional<std::vector<bool>> listed = ReadSlidingLayers(c);
  for (int i = 0; i < c.Int("num_hidden_layers"); ++i) {
    const bool sliding = listed ? (*listed)[static_cast<size_t>(i)] : i % 2 == 0;
    spec.layers.push_back({.attention = sliding ? windowed : full, .ffn = moe});
  }
  return spec;
}

}  // namespace

extern const Family kGptOss;
const Family kGptOss{"GptOssForCausalLM", &DescribeGptOss, kNames};

}  // namespace tael
