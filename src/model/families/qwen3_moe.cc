// Qwen3 with experts: attention as in Qwen3, softmax router, no shared expert.
// Source: Qwen3 Technical Report, arXiv:2505.09388, section 2.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeQwen3Moe(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qk_norm = true;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  if (c.Bool("use_sliding_window", false)) {
    Fail(ErrorCode::kUnsupported, "{}: use_sliding_window is true; known for this family is false",
         c.where());
  }
  // transformers 5 writes the name that other families have.
  const char* count = c.Has("num_experts") ? "num_experts" : "num_local_experts";
  MoeFfnSpec moe = ReadExperts(c, {count, "num_experts_per_tok", "moe_intermediate_size"});
  RequireSame(c, "num_local_experts", moe.router.num_experts);
  moe.router.normalize = c.Bool("norm_topk_prob", false);
  // Some published files state what is so anyway.
  RequireBool(c, "use_qk_norm", true);
  RequireBool(c, "qkv_bias", gqa.qkv_bias);
  RequireInt(c, "shared_expert_intermediate_size", 0);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "qwen3-moe";
  spec.layers = ReadWindowedLayers(c, gqa, {});
  UseExpertsAtSteps(c, moe, &spec.layers);
  return spec;
}

}  // namespace

extern const Family kQwen3Moe;
const Family kQwen3Moe{"Qwen3MoeForCausalLM", &DescribeQwen3Moe, {}};

}  // namespace tael
