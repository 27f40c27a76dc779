// Configurations of one model in several spellings: as published, as transformers 5 writes them,
// and with keys left out.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "model/families.h"
#include "model/model.h"

namespace tael {
namespace {

// The family's own keys joined to those that all have.
Json Config(const char* architecture, const char* own) {
  Json config = ParseJson(R"({"hidden_size": 64, "vocab_size": 32, "num_hidden_layers": 4,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 1e-5,
      "max_position_embeddings": 128, "intermediate_size": 24})",
                          "config.json");
  const Json more = ParseJson(own, "own");
  for (const auto& [key, value] : more.as_object()) config.Set(key, value);
  config.Set("architectures", JsonArray{architecture});
  return config;
}

DecoderSpec Describe(const Json& config) {
  const ConfigView view(config, "config.json");
  return DescribeCheckpoint({"", "", Container::kSafetensors, view, {}, {}, {}, {}, {}});
}

// What refuses the configuration; "" when nothing does.
std::string Problem(const Json& config) {
  try {
    Describe(config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

GqaSpec Attention(const Json& config, size_t layer = 0) {
  return std::get<GqaSpec>(Describe(config).layers.at(layer).attention);
}

constexpr const char* kExperts = R"({"num_experts": 8, "num_local_experts": 8,
    "num_experts_per_tok": 2, "moe_intermediate_size": 8, "shared_expert_intermediate_size": 8,
    "moe_num_experts": 8, "moe_k": 2})";

Json WithExperts(const char* architecture, std::initializer_list<const char*> keys) {
  Json config = Config(architecture, "{}");
  const Json all = ParseJson(kExperts, "experts");
  for (const char* key : keys) config.Set(key, *all.Find(key));
  return config;
}

TEST(ConfigSpelling, AMissingBaseOfRopeIsTheFamilysOwn) {
  const auto theta = [](const Json& config) { return Attention(config).rope.theta; };
  EXPECT_EQ(theta(Config("LlamaForCausalLM", "{}")), 1e4);
  EXPECT_EQ(theta(Config("Ernie4_5ForCausalLM", "{}")), 5e5);
  EXPECT_EQ(theta(Config("SmolLM3ForCausalLM", "{}")), 2e6);
  EXPECT_EQ(theta(WithExperts("MixtralForCausalLM", {"num_local_experts", "num_experts_per_tok"})),
            1e6);
  EXPECT_EQ(
      theta(WithExperts("MiniMaxM2ForCausalLM", {"num_local_experts", "num_experts_per_tok"})),
      5e6);
  EXPECT_EQ(theta(WithExperts("Ernie4_5_MoeForCausalLM",
                              {"moe_num_experts", "moe_k", "moe_intermediate_size"})),
            5e5);
  const char* gemma = R"({"hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 16,
      "sliding_window": 8, "sliding_window_pattern": 2})";
  EXPECT_EQ(Attention(Config("Gemma3ForCausalLM", gemma), 1).rope.theta, 1e6);
  EXPECT_EQ(Attention(Config("Gemma3ForCausalLM", gemma), 0).rope.theta, 1e4);
}

constexpr const char* kGlm = R"({"n_routed_experts": 8, "num_experts_per_tok": 2,
    "moe_intermediate_size": 8, "n_shared_experts": 1})";

TEST(ConfigSpelling, TheRotatedPartStandsAtTheTopOrBesideTheBase) {
  Json glm = Config("Glm4MoeForCausalLM", kGlm);
  EXPECT_EQ(Attention(glm).rope.rotary_dim, 8);  // half a head is the family's own
  glm.Set("rope_parameters", ParseJson(R"({"rope_theta": 1e4, "rope_type": "default",
      "partial_rotary_factor": 0.75})",
                                       "rope"));
  EXPECT_EQ(Attention(glm).rope.rotary_dim, 12);
  glm.Set("partial_rotary_factor", 0.75);
  EXPECT_EQ(Attention(glm).rope.rotary_dim, 12);
  glm.Set("partial_rotary_factor", 0.5);
  EXPECT_NE(Problem(glm).find("partial_rotary_factor is 0.5 in one place and 0.75 in another"),
            std::string::npos);
}

TEST(ConfigSpelling, QwenHybridsRotateAQuarterUnlessTheySayMore) {
  Json next = WithExperts("Qwen3NextForCausalLM",
                          {"num_experts", "num_experts_per_tok", "moe_intermediate_size",
                           "shared_expert_intermediate_size"});
  for (const char* key : {"linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim",
                          "linear_value_head_dim", "linear_conv_kernel_dim"}) {
    next.Set(key, 4);
  }
  EXPECT_EQ(Attention(next, 3).rope.rotary_dim, 4);
  next.Set("partial_rotary_factor", 0.5);
  EXPECT_EQ(Attention(next, 3).rope.rotary_dim, 8);
}

TEST(ConfigSpelling, FamiliesWithWholeHeadsRefuseAPart) {
  Json llama = Config("LlamaForCausalLM", R"({"partial_rotary_factor": 1.0})");
  EXPECT_EQ(Problem(llama), "");
  llama.Set("partial_rotary_factor", 0.5);
  EXPECT_NE(Problem(llama).find("this family rotates whole heads"), std::string::npos);
}

TEST(ConfigSpelling, WindowsNeedTheirKeys) {
  Json qwen = Config("Qwen2ForCausalLM", R"({"use_sliding_window": true, "max_window_layers": 2,
      "sliding_window": 8})");
  EXPECT_EQ(Attention(qwen, 1).sliding_window, 0);
  EXPECT_EQ(Attention(qwen, 2).sliding_window, 8);
  qwen.Set("sliding_window", Json());  // null: none
  EXPECT_EQ(Attention(qwen, 2).sliding_window, 0);
  const Json without_layers =
      Config("Qwen2ForCausalLM", R"({"use_sliding_window": true, "sliding_window": 8})");
  EXPECT_NE(Problem(without_layers).find("'max_window_layers' is missing"), std::string::npos);
  const Json without_size =
      Config("Qwen2ForCausalLM", R"({"use_sliding_window": true, "max_window_layers": 2})");
  EXPECT_NE(Problem(without_size).find("'sliding_window' is missing"), std::string::npos);
  const Json smollm =
      Config("SmolLM3ForCausalLM", R"({"use_sliding_window": true, "sliding_window": 8})");
  EXPECT_NE(Problem(smollm).find("without layer_types"), std::string::npos);
}

TEST(ConfigSpelling, MistralHasNoWindowOnlyWhereItSaysSo) {
  EXPECT_EQ(Attention(Config("MistralForCausalLM", "{}")).sliding_window, 4096);
  EXPECT_EQ(Attention(Config("MistralForCausalLM", R"({"sliding_window": null})")).sliding_window,
            0);
  EXPECT_EQ(Attention(Config("MistralForCausalLM", R"({"sliding_window": 8})")).sliding_window, 8);
}

TEST(ConfigSpelling, Qwen3MoeCountsItsExpertsUnderEitherName) {
  Json qwen = WithExperts("Qwen3MoeForCausalLM",
                          {"num_local_experts", "num_experts_per_tok", "moe_intermediate_size"});
  EXPECT_EQ(std::get<MoeFfnSpec>(Describe(qwen).layers[0].ffn).router.num_experts, 8);
  qwen.Set("num_experts", 8);
  EXPECT_EQ(Problem(qwen), "");
  qwen.Set("num_experts", 4);
  EXPECT_NE(Problem(qwen).find("num_local_experts is 8, but another key says 4"),
            std::string::npos);
}

TEST(ConfigSpelling, Qwen3CodersLeftoversMustSayWhatIsSo) {
  Json qwen = WithExperts("Qwen3MoeForCausalLM",
                          {"num_experts", "num_experts_per_tok", "moe_intermediate_size"});
  qwen.Set("qkv_bias", false);
  qwen.Set("use_qk_norm", true);
  qwen.Set("shared_expert_intermediate_size", 0);
  EXPECT_EQ(Problem(qwen), "");
  qwen.Set("shared_expert_intermediate_size", 8);
  EXPECT_NE(Problem(qwen).find("shared_expert_intermediate_size is 8"), std::string::npos);
}

TEST(ConfigSpelling, GptOssNeverRunsWithoutItsScaling) {
  Json oss = WithExperts("GptOssForCausalLM", {"num_local_experts", "num_experts_per_tok"});
  oss.Set("rope_theta", 150000);
  oss.Set("sliding_window", 8);
  EXPECT_NE(Problem(oss).find("rope_scaling is missing"), std::string::npos);
}

TEST(ConfigSpelling, HunyuansPublishedKeysAreKnown) {
  Json hunyuan = WithExperts("HunYuanMoEV1ForCausalLM", {"num_experts", "moe_intermediate_size"});
  const Json published = ParseJson(R"({"moe_topk": [2, 2, 2, 2], "num_shared_expert": [1, 1, 1, 1],
      "attention_head_dim": 16, "cla_share_factor": 2, "use_cla": false, "norm_type": "rms",
      "eod_token_id": 3, "sep_token_id": 4, "dense_list": [64, 0], "vit_type": null,
      "moe_layer_num_skipped": 0, "use_rotary_pos_emb": true, "add_classification_head": false})",
                                   "published");
  for (const auto& [key, value] : published.as_object()) hunyuan.Set(key, value);
  EXPECT_EQ(Problem(hunyuan), "");
  hunyuan.Set("attention_head_dim", 8);
  EXPECT_NE(Problem(hunyuan).find("attention_head_dim is 8"), std::string::npos);
  hunyuan.Set("attention_head_dim", 16);
  hunyuan.Set("moe_layer_num_skipped", 1);
  EXPECT_NE(Problem(hunyuan).find("moe_layer_num_skipped is 1"), std::string::npos);
}

constexpr const char* kLatent = R"({"q_lora_rank": 12, "kv_lora_rank": 8, "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4, "v_head_dim": 8, "num_key_value_heads": 4, "n_routed_experts": 8,
    "num_experts_per_tok": 2, "moe_intermediate_size": 8, "n_shared_experts": 1, "n_group": 1,
    "topk_group": 1, "routed_scaling_factor": 1.5, "first_k_dense_replace": 1, "index_n_heads": 2,
    "index_head_dim": 8, "index_topk": 4})";

TEST(ConfigSpelling, DeepSeekV32ListsItsLayersToo) {
  Json v32 = Config("DeepseekV32ForCausalLM", kLatent);
  v32.Set("layer_types", JsonArray(4, Json("indexed_attention")));
  v32.Set("mlp_layer_types", JsonArray{"dense", "sparse", "sparse", "sparse"});
  EXPECT_EQ(Problem(v32), "");
  v32.Set("mlp_layer_types", JsonArray{"dense", "dense", "sparse", "sparse"});
  EXPECT_NE(Problem(v32).find("mlp_layer_types is not what the other keys say"), std::string::npos);
}

TEST(ConfigSpelling, DeepSeekMoeIsLlamaWithFineExperts) {
  Json moe = Config("DeepseekForCausalLM", R"({"n_routed_experts": 8, "num_experts_per_tok": 2,
      "moe_intermediate_size": 8, "n_shared_experts": 2, "first_k_dense_replace": 1,
      "moe_layer_freq": 1, "norm_topk_prob": false, "scoring_func": "softmax",
      "aux_loss_alpha": 0.001, "seq_aux": true, "attention_bias": false})");
  const DecoderSpec spec = Describe(moe);
  EXPECT_TRUE(std::holds_alternative<DenseFfnSpec>(spec.layers[0].ffn));
  const auto& ffn = std::get<MoeFfnSpec>(spec.layers[1].ffn);
  EXPECT_EQ(ffn.shared_size, 16);
  EXPECT_EQ(ffn.router.scoring, RouterScoring::kSoftmax);
  EXPECT_FALSE(ffn.router.normalize);
  EXPECT_FALSE(std::get<GqaSpec>(spec.layers[1].attention).qk_norm);
  moe.Set("norm_topk_prob", true);
  EXPECT_NE(Problem(moe).find("norm_topk_prob is true"), std::string::npos);
  moe.Set("norm_topk_prob", false);
  moe.Set("routed_scaling_factor", 2.0);
  EXPECT_NE(Problem(moe).find("routed_scaling_factor is 2"), std::string::npos);
}

constexpr const char* kV4 = R"({"q_lora_rank": 12, "qk_rope_head_dim": 4, "o_groups": 2,
    "o_lora_rank": 8, "num_key_value_heads": 1, "n_routed_experts": 8, "num_experts_per_tok": 2,
    "moe_intermediate_size": 8, "n_shared_experts": 1, "index_n_heads": 2, "index_head_dim": 8,
    "index_topk": 4, "hc_mult": 2, "hc_sinkhorn_iters": 3, "hc_eps": 1e-6, "swiglu_limit": 1.0,
    "sliding_window": 8, "rope_theta": 10000.0, "compress_rope_theta": 40000.0,
    "intermediate_size": null})";

TEST(ConfigSpelling, DeepSeekV4ListsKindsOfLayersOrRatios) {
  Json old = Config("DeepseekV4ForCausalLM", kV4), now = old;
  old.Set("compress_ratios", JsonArray{0, 4, 128, 4});
  old.Set("num_hash_layers", 1);
  old.Set("rope_scaling", ParseJson(R"({"type": "yarn", "factor": 4, "beta_fast": 32,
      "beta_slow": 1, "original_max_position_embeddings": 64})",
                                    "rope"));
  now.Set("layer_types", JsonArray{"sliding_attention", "compressed_sparse_attention",
                                   "heavily_compressed_attention", "compressed_sparse_attention"});
  now.Set("mlp_layer_types", JsonArray{"hash_moe", "moe", "moe", "moe"});
  now.Set("partial_rotary_factor", 0.25);
  now.Set("compress_rates", ParseJson(R"({"compressed_sparse_attention": 4,
      "heavily_compressed_attention": 128})",
                                      "rates"));
  now.Set("rope_parameters", ParseJson(R"({"main": {"rope_type": "default", "rope_theta": 10000.0,
      "partial_rotary_factor": 0.25}, "compress": {"rope_type": "yarn", "rope_theta": 40000.0,
      "type": "yarn", "factor": 4, "beta_fast": 32, "beta_slow": 1, "attention_factor": 1.0,
      "original_max_position_embeddings": 64, "partial_rotary_factor": 0.25}})",
                                       "rope"));
  const DecoderSpec a = Describe(old), b = Describe(now);
  for (size_t i = 0; i < 4; ++i) {
    const auto& x = std::get<CompressedSpec>(a.layers[i].attention);
    const auto& y = std::get<CompressedSpec>(b.layers[i].attention);
    EXPECT_EQ(x.ratio, y.ratio);
    EXPECT_EQ(x.rope, y.rope) << i;
    EXPECT_EQ(std::get<MoeFfnSpec>(a.layers[i].ffn).router,
              std::get<MoeFfnSpec>(b.layers[i].ffn).router);
  }
  EXPECT_EQ(std::get<CompressedSpec>(b.layers[1].attention).rope.theta, 4e4);
  now.Set("partial_rotary_factor", 0.5);
  EXPECT_NE(Problem(now).find("but 4 of 16 elements are rotated"), std::string::npos);
}

}  // namespace
}  // namespace tael
