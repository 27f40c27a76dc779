// Tiny random checkpoints of the networks that differ most from Llama, for adapters, conversion and
// fuzzing.
#pragma once

#include <string>

#include "tests/support/tiny_models.h"

namespace tael {

// Keys that all of them share.
inline constexpr const char* kTinyKeys =
    R"("vocab_size": 512, "max_position_embeddings": 512, "rms_norm_eps": 1e-6,
       "hidden_act": "silu", "tie_word_embeddings": false,)";

inline void TinyNorms(const std::string& layer, int64_t hidden, TinyModel* model) {
  model->Vector(layer + "input_layernorm.weight", {hidden});
  model->Vector(layer + "post_attention_layernorm.weight", {hidden});
}

inline void TinyDense(const std::string& mlp, int64_t hidden, int64_t width, TinyModel* model) {
  model->Matrix(mlp + "gate_proj", width, hidden);
  model->Matrix(mlp + "up_proj", width, hidden);
  model->Matrix(mlp + "down_proj", hidden, width);
}

struct TinyLatentSizes {
  int64_t layers = 2, hidden = 32, heads = 3, query_rank = 20, rank = 16, nope = 6, rope = 8,
          value = 10, width = 40;
};

// Latent attention, dense.
inline TinyModel TinyLatent(const TinyLatentSizes& n = {}) {
  Json config = ParseJson(std::string(R"({"architectures": ["DeepseekV3ForCausalLM"],)") +
                              kTinyKeys + R"("rope_theta": 10000,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 1, "norm_topk_prob": true, "scoring_func": "sigmoid",
    "topk_method": "noaux_tc", "routed_scaling_factor": 1.0, "moe_layer_freq": 1})",
                          "config.json");
  const std::pair<const char*, int64_t> sizes[] = {{"hidden_size", n.hidden},
                                                   {"num_hidden_layers", n.layers},
                                                   {"first_k_dense_replace", n.layers},
                                                   {"num_attention_heads", n.heads},
                                                   {"num_key_value_heads", n.heads},
                                                   {"q_lora_rank", n.query_rank},
                                                   {"kv_lora_rank", n.rank},
                                                   {"qk_nope_head_dim", n.nope},
                                                   {"qk_rope_head_dim", n.rope},
                                                   {"v_head_dim", n.value},
                                                   {"intermediate_size", n.width}};
  for (const auto& [key, value] : sizes) config.Set(key, value);
  TinyModel model(DumpJson(config));
  model.Ends(n.hidden);
  for (int64_t i = 0; i < n.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    const std::string attention = layer + "self_attn.";
    TinyNorms(layer, n.hidden, &model);
    model.Matrix(attention + "q_a_proj", n.query_rank, n.hidden);
    model.Vector(attention + "q_a_layernorm.weight", {n.query_rank});
    model.Matrix(attention + "q_b_proj", n.heads * (n.nope + n.rope), n.query_rank);
    model.Matrix(attention + "kv_a_proj_with_mqa", n.rank + n.rope, n.hidden);
    model.Vector(attention + "kv_a_layernorm.weight", {n.rank});
    model.Matrix(attention + "kv_b_proj", n.heads * (n.nope + n.value), n.rank);
    model.Matrix(attention + "o_proj", n.hidden, n.heads * n.value);
    TinyDense(layer + "mlp.", n.hidden, n.width, &model);
  }
  return model;
}

// A delta net and gated attention, experts in stacks, a gate for the shared one.
inline TinyModel TinyHybrid(float rate_log = 0) {
  TinyModel model(
      std::string(R"({"architectures": ["Qwen3NextForCausalLM"],)") + kTinyKeys +
      R"("hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    "rope_theta": 10000, "partial_rotary_factor": 0.5, "intermediate_size": 40,
    "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2,
    "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 4, "num_experts": 3, "num_experts_per_tok": 2,
    "moe_intermediate_size": 12, "shared_expert_intermediate_size": 20, "norm_topk_prob": true})");
  model.Ends(32);
  const std::string net = "model.layers.0.linear_attn.", full = "model.layers.1.self_attn.";
  model.Matrix(net + "in_proj_qkvz", 2 * 16 + 2 * 32, 32);
  model.Matrix(net + "in_proj_ba", 8, 32);
  model.Vector(net + "conv1d.weight", {64, 1, 4}, 0.2f);
  model.Vector(net + "A_log", {4}, rate_log);
  model.Vector(net + "dt_bias", {4}, 0);
  model.Vector(net + "norm.weight", {8});
  model.Matrix(net + "out_proj", 32, 32);
  model.Matrix(full + "q_proj", 64, 32);
  model.Matrix(full + "k_proj", 16, 32);
  model.Matrix(full + "v_proj", 16, 32);
  model.Matrix(full + "o_proj", 32, 32);
  model.Vector(full + "q_norm.weight", {16}, 0);
  model.Vector(full + "k_norm.weight", {16}, 0);
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    const std::string mlp = std::string(layer) + "mlp.", experts = mlp + "experts.";
    TinyNorms(layer, 32, &model);
    model.Vector(mlp + "gate.weight", {3, 32}, 0);
    model.Matrix(mlp + "shared_expert_gate", 1, 32);
    TinyDense(mlp + "shared_expert.", 32, 20, &model);
    model.Stack(experts + "gate_up_proj", 3, 24, 32);
    model.Stack(experts + "down_proj", 3, 32, 12);
    for (int e = 0; e < 3; ++e) {
      const std::string one = experts + std::to_string(e) + ".";
      model.targets.push_back({one + "gate_proj", experts + "gate_up_proj", 12, 32, 24 * e});
      model.targets.push_back({one + "up_proj", experts + "gate_up_proj", 12, 32, 24 * e + 12});
      model.targets.push_back({one + "down_proj", experts + "down_proj", 32, 12, 32 * e});
    }
  }
  return model;
}

// q, k and v in one matrix, gate and up in one.
inline TinyModel TinyFused() {
  TinyModel model(
      std::string(R"({"architectures": ["Phi3ForCausalLM"],)") + kTinyKeys +
      R"("hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 40, "rope_theta": 10000, "original_max_position_embeddings": 512,
    "pad_token_id": 0})");
  model.Ends(32);
  const std::string layer = "model.layers.0.";
  TinyNorms(layer, 32, &model);
  model.Matrix(layer + "self_attn.qkv_proj", 64, 32);
  model.Matrix(layer + "self_attn.o_proj", 32, 32);
  model.Matrix(layer + "mlp.gate_up_proj", 80, 32);
  model.Matrix(layer + "mlp.down_proj", 32, 40);
  return model;
}

}  // namespace tael
