// Llama 2, 3.x and everything published in its shape: Yi, SmolLM2, TinyLlama, R1 distills.
// Source: Llama 2, arXiv:2307.09288; the Llama 3 Herd of Models, arXiv:2407.21783.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeLlama(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "llama";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

}  // namespace

extern const Family kLlama;
const Family kLlama{"LlamaForCausalLM", &DescribeLlama, {}};

}  // namespace tael
