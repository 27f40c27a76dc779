// Huawei openPangu Ultra-MoE: latent attention, norms on both sides of each part, a sigmoid router
// without groups, prediction layers.
// Source: openPangu-Ultra-MoE-718B, modeling_openpangu_moe.py; Pangu Ultra MoE, arXiv:2505.04519.
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kAttentionOutputNorm, "model.layers.{}.post_attention_layernorm.weight", ""},
    {Role::kPostAttentionNorm, "model.layers.{}.pre_mlp_layernorm.weight", ""},
    {Role::kFfnOutputNorm, "model.layers.{}.post_mlp_layernorm.weight", ""},
};

constexpr MlaKeys kOwnKeys{"attention_q_lora_dim", "attention_kv_lora_dim", "attention_qk_dim",
                           "attention_qk_rope_dim", "attention_v_dim"};

// Later configurations of the family use DeepSeek's words.
const char* Known(const ConfigView& c, const char* own, const char* deepseek) {
  return c.Has(own) ? own : deepseek;
}

MoeFfnSpec ReadPanguExperts(const ConfigView& c) {
  MoeFfnSpec moe = ReadExperts(c, {Known(c, "num_routed_experts", "n_routed_experts"),
                                   "num_experts_per_tok", "moe_intermediate_size"});
  moe.router.scoring = RouterScoring::kSigmoid;
  moe.router.correction_bias = c.Bool("router_enable_expert_bias", false);
  moe.router.normalize = c.Bool("norm_topk_prob", true);
  moe.router.sum_addend = 1e-20f;
  moe.router.scale = static_cast<float>(c.Double("routed_scaling_factor"));
  const int shared = c.Int(Known(c, "num_shared_experts", "n_shared_experts"), 0);
  moe.shared_size = SharedSize(c, shared, moe.expert_size);
  return moe;
}

DecoderSpec DescribePanguUltraMoe(const ConfigView& c) {
  RequireBool(c, "sandwich_norm", true);
  const MlaSpec attention = ReadMla(c, c.Has(kOwnKeys.latent_rank) ? kOwnKeys : kDeepSeekMlaKeys);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "pangu-ultra-moe";
  const auto layers = static_cast<size_t>(c.Int("num_hidden_layers"));
  spec.layers.assign(layers + 1, LayerSpec{attention, {}, NormPlacement::kAround});
  UseExpertsBehindDense(c, ReadPanguExperts(c), &spec.layers,
                        Known(c, "num_dense_layers", "first_k_dense_replace"));
  SplitOffPrediction(c.Int(Known(c, "num_mtp_layers", "num_nextn_predict_layers"), 0), &spec);
  return spec;
}

}  // namespace

extern const Family kPanguUltraMoe;
const Family kPanguUltraMoe{"PanguUltraMoEForCausalLM", &DescribePanguUltraMoe, kNames};

}  // namespace tael
