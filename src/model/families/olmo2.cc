// OLMo 2: norms on what attention and the feed-forward part give, not on what they take; q and k
// are normalised over all heads at once. Source: 2 OLMo 2 Furious, arXiv:2501.00656, section 3.
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kAttentionOutputNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.post_attention_norm.weight"},
    {Role::kFfnOutputNorm, "model.layers.{}.post_feedforward_layernorm.weight",
     "blk.{}.post_ffw_norm.weight"},
};

DecoderSpec DescribeOlmo2(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qk_norm = true;
  gqa.qk_norm_span = QkNormSpan::kProjection;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "olmo2";
  spec.layers.assign(
      static_cast<size_t>(c.Int("num_hidden_layers")),
      LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c), .norms = NormPlacement::kAfter});
  return spec;
}

}  // namespace

extern const Family kOlmo2;
const Family kOlmo2{"Olmo2ForCausalLM", &DescribeOlmo2, kNames};

}  // namespace tael
