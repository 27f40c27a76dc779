// Z.ai GLM-4.5, 4.5-Air and 4.6: rope on a part of each head, a sigmoid router whose choice is
// corrected by a bias, one shared expert, dense first layers.
// Source: GLM-4.5, arXiv:2508.06471; transformers, models/glm4_moe.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kPostAttentionNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.post_attention_norm.weight"},
};

GqaSpec ReadGlmAttention(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c, {.part = 0.5});
  gqa.qkv_bias = c.Bool("attention_bias", false);
  gqa.qk_norm = c.Bool("use_qk_norm", false);
  return gqa;
}

MoeFfnSpec ReadGlmExperts(const ConfigView& c) {
  MoeFfnSpec moe =
      ReadExperts(c, {"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"});
  const std::string scoring = c.String("scoring_func", "sigmoid");
  if (scoring != "sigmoid") {
    Fail(ErrorCode::kUnsupported, "{}: scoring_func is '{}'; known for this family is sigmoid",
         c.where(), scoring);
  }
  moe.router.scoring = RouterScoring::kSigmoid;
  moe.router.correction_bias = true;
  moe.router.num_groups = c.Int("n_group", 1);
  moe.router.groups_per_token = c.Int("topk_group", 1);
  moe.router.normalize = c.Bool("norm_topk_prob", true);
  moe.router.sum_addend = 1e-20f;
  moe.router.scale = static_cast<float>(c.Double("routed_scaling_factor", 1.0));
  moe.shared_size = SharedSize(c, c.Int("n_shared_experts"), moe.expert_size);
  return moe;
}

DecoderSpec DescribeGlm4Moe(const ConfigView& c) {
  DecoderSpec spec = ReadCommon(c);
  spec.family = "glm4-moe";
  const auto layers = static_cast<size_t>(c.Int("num_hidden_layers"));
  spec.layers.assign(layers + 1, LayerSpec{ReadGlmAttention(c), {}});
  const int dense = c.Int("first_k_dense_replace", 1);
  UseExperts(c, ReadGlmExperts(c), [&](int i) { return i >= dense; }, &spec.layers);
  SplitOffPrediction(c.Int("num_nextn_predict_layers", 0), &spec);
  return spec;
}

}  // namespace

extern const Family kGlm4Moe;
const Family kGlm4Moe{"Glm4MoeForCausalLM", &DescribeGlm4Moe, kNames};

}  // namespace tael
