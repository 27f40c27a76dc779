// Mixtral: Mistral's attention, every layer a mixture of experts.
// Source: Mixtral of Experts, arXiv:2401.04088.
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kRouter, "model.layers.{}.block_sparse_moe.gate.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kExpertGate, "model.layers.{}.block_sparse_moe.experts.{}.w1.weight",
     "blk.{}.ffn_gate.{}.weight"},
    {Role::kExpertUp, "model.layers.{}.block_sparse_moe.experts.{}.w3.weight",
     "blk.{}.ffn_up.{}.weight"},
    {Role::kExpertDown, "model.layers.{}.block_sparse_moe.experts.{}.w2.weight",
     "blk.{}.ffn_down.{}.weight"},
};

DecoderSpec DescribeMixtral(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
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
const Family kMixtral{"MixtralForCausalLM", &DescribeMixtral, kNames};

}  // namespace tael
