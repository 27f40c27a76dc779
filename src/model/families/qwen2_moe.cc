// Qwen2 with experts: attention as in Qwen2, a shared expert behind a sigmoid gate.
// Source: Qwen2 Technical Report, arXiv:2407.10671, section 2.2.2.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeQwen2Moe(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = c.Bool("qkv_bias", true);
  if (c.Bool("use_sliding_window", false)) {
    Fail(ErrorCode::kUnsupported, "{}: use_sliding_window is true; known for this family is false",
         c.where());
  }
  MoeFfnSpec moe = ReadExperts(c, {"num_experts", "num_experts_per_tok", "moe_intermediate_size"});
  moe.router.normalize = c.Bool("norm_topk_prob", false);
  moe.shared_size = c.Int("shared_expert_intermediate_size");
  moe.shared_gate = true;
  DecoderSpec spec = ReadCommon(c);
  spec.family = "qwen2-moe";
  spec.layers = ReadWindowedLayers(c, gqa, {});
  UseExpertsAtSteps(c, moe, &spec.layers);
  return spec;
}

}  // namespace

extern const Family kQwen2Moe;
const Family kQwen2Moe{"Qwen2MoeForCausalLM", &DescribeQwen2Moe, kOneSharedExpertNames};

}  // namespace tael
