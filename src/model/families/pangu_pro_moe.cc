// Huawei openPangu Pro-MoE: one expert of each group of consecutive experts, a learned factor for
// each expert, one shared expert, biases on all projections of attention.
// Source: Pangu Pro MoE, arXiv:2505.21411; PanguProMoEForCausalLM of the published repositories.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribePanguProMoe(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = gqa.output_bias = c.Bool("bias", true);
  MoeFfnSpec moe = ReadExperts(c, {"num_experts", "num_experts_per_tok", "moe_intermediate_size"});
  moe.router.choice = ExpertChoice::kBestOfEachGroup;
  moe.router.num_groups = moe.router.groups_per_token = moe.router.experts_per_token;
  moe.router.expert_scales = true;
  moe.shared_size = c.Int("shared_expert_intermediate_size");
  DecoderSpec spec = ReadCommon(c);
  spec.family = "pangu-pro-moe";
  RequireRopeTheta(c);
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = {}});
  UseExpertsAtSteps(c, moe, &spec.layers);
  return spec;
}

}  // namespace

extern const Family kPanguProMoe;
const Family kPanguProMoe{"PanguProMoEForCausalLM", &DescribePanguProMoe, kOneSharedExpertNames};

}  // namespace tael
