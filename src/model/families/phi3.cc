// Phi-3 and Phi-4: the Llama shape with q, k, v in one matrix and gate, up in another, an optional
// window, and longrope in the variants for long texts.
// Source: Phi-3 Technical Report, arXiv:2404.14219; transformers, models/phi3.
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kQueryKeyValue, "model.layers.{}.self_attn.qkv_proj.weight", "blk.{}.attn_qkv.weight"},
    {Role::kGateUp, "model.layers.{}.mlp.gate_up_proj.weight", "blk.{}.ffn_up.weight"},
};

DecoderSpec DescribePhi3(const ConfigView& c) {
  for (const char* key : {"attention_bias", "mlp_bias", "lm_head_bias"}) RequireBool(c, key, false);
  for (const char* key : {"full_attn_mod", "interpolate_factor"}) RequireInt(c, key, 1);
  for (const char* key : {"embd_pdrop", "resid_pdrop", "original_max_position_embeddings"}) {
    c.Ignore(key);  // dropout of training; read with longrope, without meaning otherwise
  }
  GqaSpec gqa = ReadGqa(c, {.part = 1.0});
  gqa.sliding_window = c.Int("sliding_window", 0);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "phi3";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

}  // namespace

extern const Family kPhi3;
const Family kPhi3{"Phi3ForCausalLM", &DescribePhi3, kNames};

}  // namespace tael
