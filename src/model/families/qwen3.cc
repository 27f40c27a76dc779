// Qwen3 dense: per-head RMSNorm on q and k before rope, no biases.
// Source: Qwen3 Technical Report, arXiv:2505.09388, section 2.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeQwen3(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qk_norm = true;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "qwen3";
  spec.layers = ReadWindowedLayers(c, gqa, ReadDenseFfn(c));
  return spec;
}

}  // namespace

extern const Family kQwen3;
const Family kQwen3{"Qwen3ForCausalLM", &DescribeQwen3, {}};

}  // namespace tael
