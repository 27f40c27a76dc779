#include "model/names.h"

namespace tael {
namespace {

constexpr NameRule kLlamaRules[] = {
    {Role::kEmbedding, "model.embed_tokens.weight", "token_embd.weight"},
    {Role::kFinalNorm, "model.norm.weight", "output_norm.weight"},
    {Role::kHead, "lm_head.weight", "output.weight"},
    {Role::kInputNorm, "model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight"},
    {Role::kPostAttentionNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.ffn_norm.weight"},
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", "blk.{}.attn_q.weight"},
    {Role::kKey, "model.layers.{}.self_attn.k_proj.weight", "blk.{}.attn_k.weight"},
    {Role::kValue, "model.layers.{}.self_attn.v_proj.weight", "blk.{}.attn_v.weight"},
    {Role::kOutput, "model.layers.{}.self_attn.o_proj.weight", "blk.{}.attn_output.weight"},
    {Role::kQueryDown, "model.layers.{}.self_attn.q_a_proj.weight", "blk.{}.attn_q_a.weight"},
    {Role::kQueryDownNorm, "model.layers.{}.self_attn.q_a_layernorm.weight",
     "blk.{}.attn_q_a_norm.weight"},
    {Role::kQueryUp, "model.layers.{}.self_attn.q_b_proj.weight", "blk.{}.attn_q_b.weight"},
    {Role::kLatent, "model.layers.{}.self_attn.kv_a_proj_with_mqa.weight",
     "blk.{}.attn_kv_a_mqa.weight"},
    {Role::kLatentNorm, "model.layers.{}.self_attn.kv_a_layernorm.weight",
     "blk.{}.attn_kv_a_norm.weight"},
    {Role::kLatentUp, "model.layers.{}.self_attn.kv_b_proj.weight", "blk.{}.attn_kv_b.weight"},
    {Role::kLatentKey, "", "blk.{}.attn_k_b.weight"},
    {Role::kLatentValue, "", "blk.{}.attn_v_b.weight"},
    {Role::kIndexQuery, "model.layers.{}.self_attn.indexer.wq_b.weight",
     "blk.{}.indexer.attn_q_b.weight"},
    {Role::kIndexKey, "model.layers.{}.self_attn.indexer.wk.weight",
     "blk.{}.indexer.attn_k.weight"},
    {Role::kIndexKeyNorm, "model.layers.{}.self_attn.indexer.k_norm.weight",
     "blk.{}.indexer.k_norm.weight"},
    {Role::kIndexKeyNormBias, "model.layers.{}.self_attn.indexer.k_norm.bias",
     "blk.{}.indexer.k_norm.bias"},
    {Role::kIndexWeights, "model.layers.{}.self_attn.indexer.weights_proj.weight",
     "blk.{}.indexer.proj.weight"},
    {Role::kQueryBias, "model.layers.{}.self_attn.q_proj.bias", "blk.{}.attn_q.bias"},
    {Role::kKeyBias, "model.layers.{}.self_attn.k_proj.bias", "blk.{}.attn_k.bias"},
    {Role::kValueBias, "model.layers.{}.self_attn.v_proj.bias", "blk.{}.attn_v.bias"},
    {Role::kOutputBias, "model.layers.{}.self_attn.o_proj.bias", "blk.{}.attn_output.bias"},
    {Role::kSinks, "model.layers.{}.self_attn.sinks", "blk.{}.attn_sinks.weight"},
    {Role::kQueryNorm, "model.layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight"},
    {Role::kKeyNorm, "model.layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight"},
    {Role::kDeltaQkvz, "model.layers.{}.linear_attn.in_proj_qkvz.weight", "blk.{}.ssm_in.weight"},
    {Role::kDeltaQkv, "model.layers.{}.linear_attn.in_proj_qkv.weight", "blk.{}.attn_qkv.weight"},
    {Role::kDeltaZ, "model.layers.{}.linear_attn.in_proj_z.weight", "blk.{}.attn_gate.weight"},
    {Role::kDeltaBa, "model.layers.{}.linear_attn.in_proj_ba.weight", "blk.{}.ssm_ba.weight"},
    {Role::kDeltaB, "model.layers.{}.linear_attn.in_proj_b.weight", "blk.{}.ssm_beta.weight"},
    {Role::kDeltaA, "model.layers.{}.linear_attn.in_proj_a.weight", "blk.{}.ssm_alpha.weight"},
    {Role::kDeltaConv, "model.layers.{}.linear_attn.conv1d.weight", "blk.{}.ssm_conv1d.weight"},
    {Role::kDeltaRate, "model.layers.{}.linear_attn.A_log", "blk.{}.ssm_a"},
    {Role::kDeltaTimeBias, "model.layers.{}.linear_attn.dt_bias", "blk.{}.ssm_dt.bias"},
    {Role::kDeltaNorm, "model.layers.{}.linear_attn.norm.weight", "blk.{}.ssm_norm.weight"},
    {Role::kDeltaOutput, "model.layers.{}.linear_attn.out_proj.weight", "blk.{}.ssm_out.weight"},
    {Role::kGate, "model.layers.{}.mlp.gate_proj.weight", "blk.{}.ffn_gate.weight"},
    {Role::kUp, "model.layers.{}.mlp.up_proj.weight", "blk.{}.ffn_up.weight"},
    {Role::kDown, "model.layers.{}.mlp.down_proj.weight", "blk.{}.ffn_down.weight"},
    {Role::kGateBias, "model.layers.{}.mlp.gate_proj.bias", "blk.{}.ffn_gate.bias"},
    {Role::kUpBias, "model.layers.{}.mlp.up_proj.bias", "blk.{}.ffn_up.bias"},
    {Role::kDownBias, "model.layers.{}.mlp.down_proj.bias", "blk.{}.ffn_down.bias"},
    {Role::kRouter, "model.layers.{}.mlp.gate.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kRouterCorrection, "model.layers.{}.mlp.gate.e_score_correction_bias",
     "blk.{}.exp_probs_b.bias"},
    {Role::kRouterBias, "model.layers.{}.mlp.router.bias", "blk.{}.ffn_gate_inp.bias"},
    {Role::kExpertScales, "model.layers.{}.mlp.router_scale", ""},
    {Role::kExpertGate, "model.layers.{}.mlp.experts.{}.gate_proj.weight",
     "blk.{}.ffn_gate.{}.weight"},
    {Role::kExpertUp, "model.layers.{}.mlp.experts.{}.up_proj.weight", "blk.{}.ffn_up.{}.weight"},
    {Role::kExpertDown, "model.layers.{}.mlp.experts.{}.down_proj.weight",
     "blk.{}.ffn_down.{}.weight"},
    {Role::kExpertGateStack, "", "blk.{}.ffn_gate_exps.weight"},
    {Role::kExpertUpStack, "", "blk.{}.ffn_up_exps.weight"},
    {Role::kExpertDownStack, "model.layers.{}.mlp.experts.down_proj",
     "blk.{}.ffn_down_exps.weight"},
    {Role::kExpertGateUpStack, "model.layers.{}.mlp.experts.gate_up_proj",
     "blk.{}.ffn_gate_up_exps.weight"},
    {Role::kExpertGateBiasStack, "", "blk.{}.ffn_gate_exps.bias"},
    {Role::kExpertUpBiasStack, "", "blk.{}.ffn_up_exps.bias"},
    {Role::kExpertGateUpBiasStack, "model.layers.{}.mlp.experts.gate_up_proj_bias", ""},
    {Role::kExpertDownBiasStack, "model.layers.{}.mlp.experts.down_proj_bias",
     "blk.{}.ffn_down_exps.bias"},
    {Role::kSharedGate, "model.layers.{}.mlp.shared_experts.gate_proj.weight",
     "blk.{}.ffn_gate_shexp.weight"},
    {Role::kSharedUp, "model.layers.{}.mlp.shared_experts.up_proj.weight",
     "blk.{}.ffn_up_shexp.weight"},
    {Role::kSharedDown, "model.layers.{}.mlp.shared_experts.down_proj.weight",
     "blk.{}.ffn_down_shexp.weight"},
    {Role::kSharedRouter, "model.layers.{}.mlp.shared_expert_gate.weight",
     "blk.{}.ffn_gate_inp_shexp.weight"},
    {Role::kPredictionEmbedding, "model.layers.{}.embed_tokens.weight",
     "blk.{}.nextn.embed_tokens.weight"},
    {Role::kPredictionEmbeddingNorm, "model.layers.{}.enorm.weight", "blk.{}.nextn.enorm.weight"},
    {Role::kPredictionHiddenNorm, "model.layers.{}.hnorm.weight", "blk.{}.nextn.hnorm.weight"},
    {Role::kPredictionProjection, "model.layers.{}.eh_proj.weight", "blk.{}.nextn.eh_proj.weight"},
    {Role::kPredictionNorm, "model.layers.{}.shared_head.norm.weight",
     "blk.{}.nextn.shared_head_norm.weight"},
    {Role::kPredictionHead, "model.layers.{}.shared_head.head.weight",
     "blk.{}.nextn.shared_head_head.weight"},
};

constexpr std::string_view kIgnored[] = {".rotary_emb.inv_freq"};
constexpr std::string_view kIgnoredStarts[] = {
    "model.mtp_",
    "mtp.",
    "ernie.mtp_",
    // Of multimodal checkpoints: what is not text.
    "model.visual.",
    "visual.",
    "model.vision_tower.",
    "vision_tower.",
    "model.multi_modal_projector.",
    "multi_modal_projector.",
    "mm_projector.",
};

constexpr NameRule kErniePaddleRules[] = {
    {Role::kEmbedding, "ernie.embed_tokens.weight", ""},
    {Role::kFinalNorm, "ernie.norm.weight", ""},
    {Role::kInputNorm, "ernie.layers.{}.input_layernorm.weight", ""},
    {Role::kPostAttentionNorm, "ernie.layers.{}.post_attention_layernorm.weight", ""},
    {Role::kQueryKeyValue, "ernie.layers.{}.self_attn.qkv_proj.weight", ""},
    {Role::kOutput, "ernie.layers.{}.self_attn.o_proj.weight", ""},
    {Role::kGateUp, "ernie.layers.{}.mlp.up_gate_proj.weight", ""},
    {Role::kDown, "ernie.layers.{}.mlp.down_proj.weight", ""},
    {Role::kRouter, "ernie.layers.{}.mlp.gate.weight", ""},
    {Role::kRouterCorrection, "ernie.layers.{}.mlp.moe_statics.e_score_correction_bias", ""},
    {Role::kExpertGateUp, "ernie.layers.{}.mlp.experts.{}.up_gate_proj.weight", ""},
    {Role::kExpertDown, "ernie.layers.{}.mlp.experts.{}.down_proj.weight", ""},
    {Role::kSharedGateUp, "ernie.layers.{}.mlp.shared_experts.up_gate_proj.weight", ""},
    {Role::kSharedDown, "ernie.layers.{}.mlp.shared_experts.down_proj.weight", ""},
};

constexpr NameRule kBlockSparseMoeRules[] = {
    {Role::kRouter, "model.layers.{}.block_sparse_moe.gate.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kRouterCorrection, "model.layers.{}.block_sparse_moe.e_score_correction_bias",
     "blk.{}.exp_probs_b.bias"},
    {Role::kExpertGate, "model.layers.{}.block_sparse_moe.experts.{}.w1.weight",
     "blk.{}.ffn_gate.{}.weight"},
    {Role::kExpertUp, "model.layers.{}.block_sparse_moe.experts.{}.w3.weight",
     "blk.{}.ffn_up.{}.weight"},
    {Role::kExpertDown, "model.layers.{}.block_sparse_moe.experts.{}.w2.weight",
     "blk.{}.ffn_down.{}.weight"},
};

}  // namespace

const std::span<const NameRule> kLlamaNames = kLlamaRules;
const std::span<const NameRule> kOneSharedExpertNames = kOneSharedExpertRules;
const std::span<const NameRule> kErniePaddleNames = kErniePaddleRules;
const std::span<const NameRule> kBlockSparseMoeNames = kBlockSparseMoeRules;
const std::span<const std::string_view> kIgnoredTensorEndings = kIgnored;
const std::span<const std::string_view> kIgnoredTensorStarts = kIgnoredStarts;

const NameRule* FindRule(std::span<const NameRule> rules, Role role) {
  for (const NameRule& rule : rules) {
    if (rule.role == role) return &rule;
  }
  return nullptr;
}

std::string TensorName(const char* pattern, int layer, int expert) {
  std::string name = pattern;
  for (const int number : {layer, expert}) {
    const size_t hole = name.find("{}");
    if (hole != std::string::npos) name.replace(hole, 2, std::to_string(number));
  }
  return name;
}

}  // namespace tael
