// GGUF architectures and keys beside Hugging Face's names for them.
// Source: models.md sections 12 and 1.8 of the reference data; Hugging Face config.json files.
#include "checkpoint/gguf_keys.h"

#include <iterator>

namespace tael {
namespace {

using enum GgufKeyKind;

constexpr GgufArch kArchs[] = {
    {.name = "llama",
     .model_type = "llama",
     .model_class = "LlamaForCausalLM",
     .experts = ExpertNames::kLocal,
     .permuted_qk = true,
     .optional_bias = true},
    {.name = "qwen2", .model_type = "qwen2", .model_class = "Qwen2ForCausalLM"},
    {.name = "qwen2moe",
     .model_type = "qwen2_moe",
     .model_class = "Qwen2MoeForCausalLM",
     .experts = ExpertNames::kQwen},
    {.name = "qwen3", .model_type = "qwen3", .model_class = "Qwen3ForCausalLM"},
    {.name = "qwen3moe",
     .model_type = "qwen3_moe",
     .model_class = "Qwen3MoeForCausalLM",
     .experts = ExpertNames::kQwen},
    {.name = "qwen3next",
     .model_type = "qwen3_next",
     .model_class = "Qwen3NextForCausalLM",
     .experts = ExpertNames::kQwen,
     .rotates_part = true},
    {.name = "qwen35",
     .model_type = "qwen3_5",
     .model_class = "Qwen3_5ForConditionalGeneration",
     .tiled_value_heads = true,
     .rotates_part = true},
    {.name = "qwen35moe",
     .model_type = "qwen3_5_moe",
     .model_class = "Qwen3_5MoeForConditionalGeneration",
     .experts = ExpertNames::kQwen,
     .tiled_value_heads = true,
     .rotates_part = true},
    {.name = "smollm3",
     .model_type = "smollm3",
     .model_class = "SmolLM3ForCausalLM",
     .permuted_qk = true,
     .optional_bias = true},
    {.name = "olmo2",
     .model_type = "olmo2",
     .model_class = "Olmo2ForCausalLM",
     .optional_bias = true},
    {.name = "seed_oss",
     .model_type = "seed_oss",
     .model_class = "SeedOssForCausalLM",
     .optional_bias = true},
    {.name = "mistral3",
     .model_type = "mistral",
     .model_class = "MistralForCausalLM",
     .permuted_qk = true},
    {.name = "phi3", .model_type = "phi3", .model_class = "Phi3ForCausalLM"},
    {.name = "gemma3",
     .model_type = "gemma3_text",
     .model_class = "Gemma3ForCausalLM",
     .optional_bias = true},
    {.name = "deepseek",
     .model_type = "deepseek",
     .model_class = "DeepseekForCausalLM",
     .experts = ExpertNames::kDeepSeek,
     .permuted_qk = true},
    // V3 when the router is a sigmoid (ConfigFromGguf).
    {.name = "deepseek2",
     .model_type = "deepseek_v2",
     .model_class = "DeepseekV2ForCausalLM",
     .experts = ExpertNames::kDeepSeek,
     .mla = true},
    {.name = "deepseek32",
     .model_type = "deepseek_v32",
     .model_class = "DeepseekV32ForCausalLM",
     .experts = ExpertNames::kDeepSeek,
     .mla = true},
    {.name = "deepseek4",
     .model_type = "deepseek_v4",
     .model_class = "DeepseekV4ForCausalLM",
     .experts = ExpertNames::kDeepSeek},
    {.name = "ernie4_5", .model_type = "ernie4_5", .model_class = "Ernie4_5ForCausalLM"},
    {.name = "ernie4_5-moe",
     .model_type = "ernie4_5_moe",
     .model_class = "Ernie4_5_MoeForCausalLM",
     .experts = ExpertNames::kErnie},
    {.name = "hunyuan-moe",
     .model_type = "hunyuan_v1_moe",
     .model_class = "HunYuanMoEV1ForCausalLM",
     .experts = ExpertNames::kHunyuan},
    {.name = "hunyuan-dense",
     .model_type = "hunyuan_v1_dense",
     .model_class = "HunYuanDenseV1ForCausalLM"},
    {.name = "hunyuan_vl",
     .model_type = "hunyuan_vl",
     .model_class = "HunYuanVLForConditionalGeneration"},
    {.name = "hy_v3",
     .model_type = "hy_v3",
     .model_class = "HYV3ForCausalLM",
     .experts = ExpertNames::kHunyuan},
    {.name = "pangu-embedded",
     .model_type = "PanguEmbedded",
     .model_class = "PanguEmbeddedForCausalLM"},
    {.name = "openpangu",
     .model_type = "openpangu_v2",
     .model_class = "OpenPanguV2ForCausalLM",
     .experts = ExpertNames::kDeepSeek,
     .mla = true},
    {.name = "glm4", .model_type = "glm4", .model_class = "Glm4ForCausalLM"},
    {.name = "glm4moe",
     .model_type = "glm4_moe",
     .model_class = "Glm4MoeForCausalLM",
     .experts = ExpertNames::kDeepSeek,
     .optional_bias = true,
     .rotates_part = true},
    {.name = "glm-dsa",
     .model_type = "glm_moe_dsa",
     .model_class = "GlmMoeDsaForCausalLM",
     .experts = ExpertNames::kDeepSeek,
     .mla = true},
    {.name = "minimax-m2",
     .model_type = "minimax_m2",
     .model_class = "MiniMaxM2ForCausalLM",
     .experts = ExpertNames::kLocal},
    {.name = "gpt-oss",
     .model_type = "gpt_oss",
     .model_class = "GptOssForCausalLM",
     .experts = ExpertNames::kLocal},
};

constexpr GgufKey kCommonKeys[] = {
    {"vocab_size", "vocab_size", kDerived},
    {"context_length", "max_position_embeddings", kCount},
    {"embedding_length", "hidden_size", kCount},
    {"block_count", "num_hidden_layers", kDerived},
    {"nextn_predict_layers", "num_nextn_predict_layers", kInt},
    {"feed_forward_length", "intermediate_size", kPerLayer},
    {"attention.head_count", "num_attention_heads", kPerLayer},
    {"attention.head_count_kv", "num_key_value_heads", kPerLayer},
    {"attention.key_length", "head_dim", kDerived},
    {"attention.value_length", "head_dim", kDerived},
    {"attention.key_length_mla", "qk_nope_head_dim", kDerived},
    {"attention.value_length_mla", "v_head_dim", kDerived},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", kNumber},
    {"attention.layer_norm_epsilon", "layer_norm_eps", kNumber},
    {"attention.sliding_window", "sliding_window", kInt},
    {"attention.sliding_window_pattern", "sliding_window_pattern", kDerived},
    {"attention.scale", "attention_multiplier", kDerived},
    {"attention.q_lora_rank", "q_lora_rank", kCount},
    {"attention.kv_lora_rank", "kv_lora_rank", kCount},
    {"attention.output_lora_rank", "o_lora_rank", kCount},
    {"attention.output_group_count", "o_groups", kCount},
    {"attention.compress_ratios", "compress_ratios", kInts},
    {"attention.compress_rope_freq_base", "compress_rope_theta", kPositive},
    {"hyper_connection.count", "hc_mult", kCount},
    {"hyper_connection.sinkhorn_iterations", "hc_sinkhorn_iters", kCount},
    {"hyper_connection.epsilon", "hc_eps", kNumber},
    {"embedding_length_out", "", kDerived},
    {"attention.indexer.head_count", "index_n_heads", kCount},
    {"attention.indexer.key_length", "index_head_dim", kCount},
    {"attention.indexer.top_k", "index_topk", kCount},
    {"full_attention_interval", "full_attention_interval", kCount},
    {"logit_scale", "logit_scale", kNumber},
    {"final_logit_softcapping", "final_logit_softcapping", kNumber},
    {"attn_logit_softcapping", "attn_logit_softcapping", kNumber},
    {"rope.freq_base", "rope_theta", kPositive},
    {"rope.freq_base_swa", "rope_local_base_freq", kPositive},
    {"rope.dimension_count", "rotary_dim", kDerived},
    {"rope.dimension_sections", "mrope_section", kInts},
    {"rope.scale_linear", "rope_scaling.factor", kDerived},
    {"rope.scaling.type", "rope_scaling.rope_type", kDerived},
    {"rope.scaling.factor", "rope_scaling.factor", kDerived},
    {"rope.scaling.original_context_length", "rope_scaling.original_max_position_embeddings",
     kDerived},
    {"rope.scaling.attn_factor", "rope_scaling.attention_factor", kDerived},
    {"rope.scaling.yarn_attn_factor", "rope_scaling.attention_factor", kDerived},
    {"rope.scaling.yarn_ext_factor", "", kDerived},
    {"rope.scaling.yarn_beta_fast", "rope_scaling.beta_fast", kDerived},
    {"rope.scaling.yarn_beta_slow", "rope_scaling.beta_slow", kDerived},
    {"rope.scaling.yarn_log_multiplier", "rope_scaling.mscale_all_dim", kDerived},
    {"rope.scaling.finetuned", "", kIgnored},
    {"pooling_type", "", kIgnored},  // engine/pooling_files.cc reads it
    {"ssm.conv_kernel", "linear_conv_kernel_dim", kCount},
    {"ssm.state_size", "linear_key_head_dim", kCount},
    {"ssm.group_count", "linear_num_key_heads", kCount},
    {"ssm.time_step_rank", "linear_num_value_heads", kCount},
    {"ssm.inner_size", "linear_value_head_dim", kDerived},
    {"expert_count", "num_experts", kInt},
    {"expert_used_count", "num_experts_per_tok", kInt},
    {"expert_shared_count", "n_shared_experts", kInt},
    {"expert_feed_forward_length", "moe_intermediate_size", kCount},
    {"expert_shared_feed_forward_length", "shared_expert_intermediate_size", kCount},
    {"expert_weights_scale", "routed_scaling_factor", kNumber},
    {"expert_weights_norm", "norm_topk_prob", kBool},
    {"expert_gating_func", "scoring_func", kDerived},
    {"swiglu_clamp_exp", "swiglu_limit", kDerived},
    {"swiglu_clamp_shexp", "swiglu_limit", kDerived},
    {"hash_layer_count", "num_hash_layers", kInt},
    {"expert_group_count", "n_group", kInt},
    {"expert_group_used_count", "topk_group", kInt},
    {"leading_dense_block_count", "first_k_dense_replace", kInt},
    {"interleave_moe_layer_step", "decoder_sparse_step", kCount},
};

// What a family spells differently; looked up before the common table.
constexpr GgufKey kDeepSeekKeys[] = {
    {"expert_count", "n_routed_experts", kInt},
};
constexpr GgufKey kErnieKeys[] = {
    {"expert_count", "moe_num_experts", kInt},
    {"expert_used_count", "moe_k", kInt},
    {"expert_shared_count", "moe_num_shared_experts", kInt},
    // Converters divide by the wrong number; the width is in the tensors (models.md, pitfall 25).
    {"expert_shared_feed_forward_length", "", kIgnored},
    {"leading_dense_block_count", "moe_layer_start_index", kInt},
    {"interleave_moe_layer_step", "moe_layer_interval", kCount},
};
constexpr GgufKey kHunyuanKeys[] = {
    {"expert_used_count", "moe_topk", kInt},
    {"expert_shared_count", "num_shared_expert", kInt},
};
constexpr GgufKey kLocalKeys[] = {
    {"expert_count", "num_local_experts", kInt},
    {"expert_feed_forward_length", "intermediate_size", kCount},
};

std::span<const GgufKey> OwnKeys(ExpertNames experts) {
  switch (experts) {
    case ExpertNames::kNone:
    case ExpertNames::kQwen:
      return {};
    case ExpertNames::kDeepSeek:
      return kDeepSeekKeys;
    case ExpertNames::kErnie:
      return kErnieKeys;
    case ExpertNames::kHunyuan:
      return kHunyuanKeys;
    case ExpertNames::kLocal:
      return kLocalKeys;
  }
  return {};
}

const GgufKey* FindIn(std::span<const GgufKey> keys, std::string_view key) {
  for (const GgufKey& rule : keys) {
    if (key == rule.key) return &rule;
  }
  return nullptr;
}

}  // namespace

const GgufArch* FindGgufArch(std::string_view name) {
  for (const GgufArch& arch : kArchs) {
    if (name == arch.name) return &arch;
  }
  return nullptr;
}

std::span<const GgufArch> GgufArchs() { return kArchs; }

const GgufKey* FindGgufKey(ExpertNames experts, std::string_view key) {
  const GgufKey* own = FindIn(OwnKeys(experts), key);
  return own != nullptr ? own : FindIn(kCommonKeys, key);
}

}  // namespace tael
