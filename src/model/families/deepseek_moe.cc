// DeepSeek-MoE 16B: Llama's attention, a softmax router over fine-grained experts, shared experts,
// dense first layers. Source: DeepSeekMoE, arXiv:2401.06066; modeling_deepseek.py of the published
// repositories.
#include "model/families.h"

namespace tael {
namespace {

MoeFfnSpec ReadFineExperts(const ConfigView& c) {
  RequireText(c, "scoring_func", "softmax");
  RequireBool(c, "norm_topk_prob", false);
  // What GGUF files may state.
  for (const char* key : {"routed_scaling_factor", "n_group", "topk_group"}) RequireInt(c, key, 1);
  MoeFfnSpec moe =
      ReadExperts(c, {"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"});
  moe.shared_size = SharedSize(c, c.Int("n_shared_experts", 0), moe.expert_size);
  return moe;
}

DecoderSpec DescribeDeepSeekMoe(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "deepseek-moe";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")), LayerSpec{gqa, {}});
  UseExpertsBehindDense(c, ReadFineExperts(c), &spec.layers);
  return spec;
}

}  // namespace

extern const Family kDeepSeekMoe;
const Family kDeepSeekMoe{"DeepseekForCausalLM", &DescribeDeepSeekMoe, {}};

}  // namespace tael
