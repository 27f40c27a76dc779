// Tencent Hunyuan dense, 0.5B to 7B: RMSNorm on q and k after rope, a base of rope raised by alpha.
// Source: github.com/Tencent-Hunyuan/Hunyuan-7B; transformers, models/hunyuan_v1_dense.
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kQueryNorm, "model.layers.{}.self_attn.query_layernorm.weight",
     "blk.{}.attn_q_norm.weight"},
    {Role::kKeyNorm, "model.layers.{}.self_attn.key_layernorm.weight", "blk.{}.attn_k_norm.weight"},
};

DecoderSpec DescribeHunyuanDense(const ConfigView& c) {
  RequireBool(c, "use_cla", false);  // keys and values shared by neighbouring layers
  GqaSpec gqa = ReadGqa(c);
  gqa.qk_norm = c.Bool("use_qk_norm", true);
  gqa.qk_norm_place = QkNormPlace::kAfterRope;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "hunyuan-dense";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

}  // namespace

extern const Family kHunyuanDense;
const Family kHunyuanDense{"HunYuanDenseV1ForCausalLM", &DescribeHunyuanDense, kNames};

}  // namespace tael
