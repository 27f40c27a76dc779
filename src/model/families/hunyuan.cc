// Tencent Hunyuan: RMSNorm on q and k after rope, a base of rope raised by alpha. Dense from 0.5B
// to 7B; A13B with a softmax router and a shared block that every token passes. Source:
// github.com/Tencent-Hunyuan (Hunyuan-7B, Hunyuan-A13B); transformers, models/hunyuan_v1_dense and
// models/hunyuan_v1_moe.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kQueryNorm, "model.layers.{}.self_attn.query_layernorm.weight",
     "blk.{}.attn_q_norm.weight"},
    {Role::kKeyNorm, "model.layers.{}.self_attn.key_layernorm.weight", "blk.{}.attn_k_norm.weight"},
    {Role::kRouter, "model.layers.{}.mlp.gate.wg.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kSharedGate, "model.layers.{}.mlp.shared_mlp.gate_proj.weight",
     "blk.{}.ffn_gate_shexp.weight"},
    {Role::kSharedUp, "model.layers.{}.mlp.shared_mlp.up_proj.weight",
     "blk.{}.ffn_up_shexp.weight"},
    {Role::kSharedDown, "model.layers.{}.mlp.shared_mlp.down_proj.weight",
     "blk.{}.ffn_down_shexp.weight"},
};

GqaSpec ReadHunyuanAttention(const ConfigView& c) {
  RequireBool(c, "use_cla", false);  // keys and values shared by neighbouring layers
  GqaSpec gqa = ReadGqa(c);
  gqa.qk_norm = c.Bool("use_qk_norm", true);
  gqa.qk_norm_place = QkNormPlace::kAfterRope;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  return gqa;
}

MoeFfnSpec ReadHunyuanExperts(const ConfigView& c) {
  RequireBool(c, "use_mixed_mlp_moe", true);
  RequireBool(c, "norm_topk_prob", true);
  c.Ignore("moe_drop_tokens");    // of training: inference drops no token
  c.Ignore("intermediate_size");  // GGUF files name the width of the shared block apart
  if (const double scale = c.Double("routed_scaling_factor", 1.0); scale != 1.0) {
    Fail(ErrorCode::kUnsupported, "{}: routed_scaling_factor is {}, supported is 1", c.where(),
         scale);
  }
  MoeFfnSpec moe = ReadExperts(c, {"num_experts", "moe_topk", "moe_intermediate_size"});
  moe.router.normalize = true;
  moe.shared_size = c.Has("shared_expert_intermediate_size")
                        ? c.Int("shared_expert_intermediate_size")
                        : c.Int("intermediate_size");
  if (const int count = UniformInt(c, "num_shared_expert"); count != 1) {
    Fail(ErrorCode::kUnsupported, "{}: num_shared_expert is {}, supported is 1", c.where(), count);
  }
  return moe;
}

DecoderSpec DescribeHunyuanDense(const ConfigView& c) {
  const GqaSpec gqa = ReadHunyuanAttention(c);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "hunyuan-dense";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

DecoderSpec DescribeHunyuanMoe(const ConfigView& c) {
  RequireBool(c, "use_mla", false);
  const GqaSpec gqa = ReadHunyuanAttention(c);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "hunyuan-moe";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadHunyuanExperts(c)});
  return spec;
}

}  // namespace

extern const Family kHunyuanDense;
const Family kHunyuanDense{"HunYuanDenseV1ForCausalLM", &DescribeHunyuanDense, kNames};

extern const Family kHunyuanMoe;
const Family kHunyuanMoe{"HunYuanMoEV1ForCausalLM", &DescribeHunyuanMoe, kNames};

}  // namespace tael
