// Huawei openPangu Embedded, 1B and 7B: the Llama shape with biases on q, k, v and the output.
// Source: the published configuration and model files (PanguEmbeddedConfig).
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribePanguEmbedded(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = gqa.output_bias = c.Bool("bias", true);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "pangu-embedded";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

}  // namespace

extern const Family kPanguEmbedded;
const Family kPanguEmbedded{"PanguEmbeddedForCausalLM", &DescribePanguEmbedded, {}};

}  // namespace tael
