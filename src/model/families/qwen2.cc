// Qwen2, Qwen2.5, QwQ and the R1 distills made from them: biases on q, k and v.
// Source: Qwen2 Technical Report, arXiv:2407.10671.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeQwen2(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = true;
  GqaSpec windowed = gqa;
  const int window = c.Int("sliding_window", 0);
  const int first_windowed = c.Int("max_window_layers", 0);
  if (c.Bool("use_sliding_window", false)) windowed.sliding_window = window;

  DecoderSpec spec = ReadCommon(c);
  spec.family = "qwen2";
  const DenseFfnSpec ffn = ReadDenseFfn(c);
  for (int i = 0; i < c.Int("num_hidden_layers"); ++i) {
    spec.layers.push_back({.attention = i < first_windowed ? gqa : windowed, .ffn = ffn});
  }
  return spec;
}

}  // namespace

extern const Family kQwen2;
const Family kQwen2{"Qwen2ForCausalLM", &DescribeQwen2, kLlamaNames};

}  // namespace tael
