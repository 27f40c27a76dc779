// What families take where a configuration says nothing: the defaults of their classes in
// transformers (models/*/configuration_*.py).
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/model.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

// Keys that every configuration here has.
constexpr const char* kCommon = R"({
  "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
  "head_dim": 16, "vocab_size": 512, "max_position_embeddings": 512, "rms_norm_eps": 1e-6,
  "intermediate_size": 88})";

class Defaults : public testing::Test {
 protected:
  // The spec of an architecture with `more` and the common keys that it does not name.
  DecoderSpec Describe(const char* architecture, const std::string& more = "{}") {
    Json config = ParseJson(more, "test");
    config.Set("architectures", JsonArray{architecture});
    const Json common = ParseJson(kCommon, "test");
    for (const auto& [key, value] : common.as_object()) {
      if (config.Find(key) == nullptr) config.Set(key, value);
    }
    checkpoint_.config = ConfigView(config, "config.json");
    return DescribeCheckpoint(checkpoint_);
  }
  GqaSpec First(const char* architecture, const std::string& more = "{}") {
    return std::get<GqaSpec>(Describe(architecture, more).layers[0].attention);
  }

  Checkpoint checkpoint_ = OpenCheckpoint(SourceRoot() + "/tests/golden/llama3");
};

constexpr const char* kMixtral = R"({"num_local_experts": 4, "num_experts_per_tok": 2})";
constexpr const char* kErnieMoe =
    R"({"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 24, "moe_num_shared_experts": 1})";
constexpr const char* kGlm = R"({"n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 24, "n_shared_experts": 1})";

TEST_F(Defaults, RopeHasTheBaseOfTheFamily) {
  EXPECT_EQ(First("LlamaForCausalLM").rope.theta, 1e4);
  EXPECT_EQ(First("Ernie4_5ForCausalLM").rope.theta, 5e5);
  EXPECT_EQ(First("Ernie4_5_MoeForCausalLM", kErnieMoe).rope.theta, 5e5);
  EXPECT_EQ(First("MixtralForCausalLM", kMixtral).rope.theta, 1e6);
  EXPECT_EQ(First("MiniMaxM2ForCausalLM", kMixtral).rope.theta, 5e6);
  EXPECT_EQ(First("SmolLM3ForCausalLM").rope.theta, 2e6);
}

TEST_F(Defaults, WhatIsSaidWins) {
  EXPECT_EQ(First("SmolLM3ForCausalLM", R"({"rope_theta": 7})").rope.theta, 7);
  EXPECT_EQ(First("SmolLM3ForCausalLM", R"({"rope_parameters": {"rope_theta": 7}})").rope.theta, 7);
}

TEST_F(Defaults, GlmRotatesHalfOfAHeadWhereverThatIsSaid) {
  EXPECT_EQ(First("Glm4MoeForCausalLM", kGlm).rope.rotary_dim, 8);
  const std::string nested = std::string(kGlm).substr(0, std::string(kGlm).size() - 1) +
                             R"(, "rope_parameters": {"partial_rotary_factor": 0.25}})";
  EXPECT_EQ(First("Glm4MoeForCausalLM", nested).rope.rotary_dim, 4);
}

TEST_F(Defaults, HybridsRotateAQuarter) {
  const DecoderSpec spec = Describe("Qwen3_5ForCausalLM", R"({"linear_num_key_heads": 2,
      "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
      "linear_conv_kernel_dim": 4})");
  EXPECT_EQ(std::get<GqaSpec>(spec.layers[3].attention).rope.rotary_dim, 4);
}

TEST_F(Defaults, MistralHasAWindowUnlessItIsNull) {
  EXPECT_EQ(First("MistralForCausalLM").sliding_window, 4096);
  EXPECT_EQ(First("MistralForCausalLM", R"({"sliding_window": null})").sliding_window, 0);
  EXPECT_EQ(First("MistralForCausalLM", R"({"sliding_window": 24})").sliding_window, 24);
}

// Qwen's classes differ in what they take, so a configuration that uses windows says where.
TEST_F(Defaults, WindowsOfQwenAreSaid) {
  EXPECT_EQ(First("Qwen3ForCausalLM").sliding_window, 0);
  EXPECT_THROW(Describe("Qwen3ForCausalLM", R"({"use_sliding_window": true})"), Error);
  const DecoderSpec spec =
      Describe("Qwen3ForCausalLM",
               R"({"use_sliding_window": true, "sliding_window": 24, "max_window_layers": 3})");
  EXPECT_EQ(std::get<GqaSpec>(spec.layers[2].attention).sliding_window, 0);
  EXPECT_EQ(std::get<GqaSpec>(spec.layers[3].attention).sliding_window, 24);
}

TEST_F(Defaults, WhatTheClassDecidesFromOtherKeysIsRefused) {
  EXPECT_THROW(
      Describe("SmolLM3ForCausalLM", R"({"use_sliding_window": true, "sliding_window": 8})"),
      Error);
  EXPECT_THROW(Describe("GptOssForCausalLM", R"({"num_local_experts": 4, "rope_theta": 150000,
                           "num_experts_per_tok": 2, "sliding_window": 8})"),
               Error);
}

constexpr const char* kLatent = R"({"num_key_value_heads": 4, "kv_lora_rank": 16,
    "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "moe_intermediate_size": 24, "n_group": 1, "topk_group": 1,
    "routed_scaling_factor": 1.0})";

TEST_F(Defaults, DeepSeekV3HasThreeDenseLayersAndASharedExpert) {
  const DecoderSpec spec = Describe("DeepseekV3ForCausalLM", kLatent);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(std::holds_alternative<DenseFfnSpec>(spec.layers[i].ffn)) << i;
  }
  EXPECT_EQ(std::get<MoeFfnSpec>(spec.layers[3].ffn).shared_size, 24);
}

TEST_F(Defaults, DeepSeekV2HasTwoSharedExperts) {
  const DecoderSpec spec = Describe("DeepseekV2ForCausalLM", kLatent);
  EXPECT_EQ(std::get<MoeFfnSpec>(spec.layers[0].ffn).shared_size, 48);
}

TEST_F(Defaults, DeepSeekV4ScalesItsExpertsByOneAndAHalf) {
  const DecoderSpec spec = Describe("DeepseekV4ForCausalLM", R"({"num_key_value_heads": 1,
      "intermediate_size": null,
      "q_lora_rank": 16, "o_groups": 2, "o_lora_rank": 8, "sliding_window": 24,
      "qk_rope_head_dim": 8, "compress_ratios": [0, 0, 0, 0], "hc_mult": 2,
      "hc_sinkhorn_iters": 2, "hc_eps": 1e-6, "swiglu_limit": 10.0, "n_routed_experts": 4,
      "num_experts_per_tok": 2, "moe_intermediate_size": 24, "n_shared_experts": 1})");
  const auto& moe = std::get<MoeFfnSpec>(spec.layers[3].ffn);
  EXPECT_EQ(moe.router.scale, 1.5f);
  EXPECT_EQ(moe.router.choice, ExpertChoice::kBest);
  EXPECT_EQ(std::get<MoeFfnSpec>(spec.layers[2].ffn).router.choice, ExpertChoice::kByToken);
}

}  // namespace
}  // namespace tael
