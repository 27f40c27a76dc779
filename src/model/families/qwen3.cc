// Qwen3 dense: per-head RMSNorm on q and k before rope, no biases.
// Source: Qwen3 Technical Report, arXiv:2505.09388, section 2.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeQwen3(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qk_norm = true;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  GqaSpec windowed = gqa;
  const int window = c.Int("sliding_window", 0);
  const int first_windowed = c.Int("max_window_layers", 0);
  if (c.Bool("use_sliding_window", false)) windowed.sliding_window = window;

  DecoderSpec spec = ReadCommon(c);
  spec.family = "qwen3";
  const DenseFfnSpec ffn = ReadDenseFfn(c);
  for (int i = 0; i < c.Int("num_hidden_layers"); ++i) {
    spec.layers.push_back({.attention = i < first_windowed ? gqa : windowed, .ffn = ffn});
  }
  return spec;
}

}  // namespace

extern const Family kQwen3;
const Family kQwen3{"Qwen3ForCausalLM", &DescribeQwen3, kLlamaNames};

}  // namespace tael
