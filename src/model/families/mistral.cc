// Mistral 7B and its dense successors: the Llama shape with an optional sliding window.
// Source: Mistral 7B, arXiv:2310.06825.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeMistral(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  // null means none; where the key is absent, the published class takes the first model's window.
  const bool absent = c.values().Find("sliding_window") == nullptr;
  gqa.sliding_window = c.Int("sliding_window", absent ? 4096 : 0);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "mistral";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

}  // namespace

extern const Family kMistral, kMistral3;
const Family kMistral{"MistralForCausalLM", &DescribeMistral, {}};
// The text model inside a wrapper for images.
const Family kMistral3{"Mistral3ForConditionalGeneration", &DescribeMistral, {}};

}  // namespace tael
