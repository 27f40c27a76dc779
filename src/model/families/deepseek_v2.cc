// DeepSeek-V2, V2.5 and V2-Lite: latent attention, a softmax router that may be limited to the
// groups with the best experts, shared experts, dense first layers.
// Source: DeepSeek-V2, arXiv:2405.04434; transformers, models/deepseek_v2.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

MoeFfnSpec ReadV2Experts(const ConfigView& c) {
  MoeFfnSpec moe =
      ReadExperts(c, {"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"});
  const std::string scoring = c.String("scoring_func", "softmax");
  const std::string method = c.String("topk_method", "greedy");
  if (scoring != "softmax" || (method != "greedy" && method != "group_limited_greedy")) {
    Fail(ErrorCode::kUnsupported,
         "{}: scoring_func is '{}' and topk_method '{}'; known are softmax with greedy or "
         "group_limited_greedy",
         c.where(), scoring, method);
  }
  double scale = 1;
  if (method == "group_limited_greedy") {
    moe.router.num_groups = c.Int("n_group");
    moe.router.groups_per_token = c.Int("topk_group");
    moe.router.group_score = GroupScore::kMax;
    scale = c.Double("routed_scaling_factor");
  } else {
    c.Ignore("n_group");  // of the other method
    c.Ignore("topk_group");
    scale = c.Double("routed_scaling_factor", scale);
  }
  RequireBool(c, "norm_topk_prob", false);  // implementations disagree about what it means here
  moe.router.scale = static_cast<float>(scale);
  moe.shared_size = SharedSize(c, c.Int("n_shared_experts", 2), moe.expert_size);
  return moe;
}

DecoderSpec DescribeDeepSeekV2(const ConfigView& c) {
  DecoderSpec spec = ReadCommon(c);
  spec.family = "deepseek-v2";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")), LayerSpec{ReadMla(c), {}});
  UseExpertsBehindDense(c, ReadV2Experts(c), &spec.layers);
  return spec;
}

}  // namespace

extern const Family kDeepSeekV2;
const Family kDeepSeekV2{"DeepseekV2ForCausalLM", &DescribeDeepSeekV2, {}};

}  // namespace tael
