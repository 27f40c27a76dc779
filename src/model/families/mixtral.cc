// Mixtral: Mistral's attention, every layer a mixture of experts.
// Source: Mixtral of Experts, arXiv:2401.04088.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeMixtral(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c, {.theta = 1e6});
  gqa.sliding_window = c.Int("sliding_window", 0);
  MoeFfnSpec moe =
      ReadExperts(c, {"num_local_experts", "num_experts_per_tok", "intermediate_size"});
  moe.router.normalize = true;
  DecoderSpec spec = ReadCommon(c);
  spec.family = "mixtral";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = moe});
  return spec;
}

}  // namespace

extern const Family kMixtral;
const Family kMixtral{"MixtralForCausalLM", &DescribeMixtral, kBlockSparseMoeNames};

}  // namespace tael
