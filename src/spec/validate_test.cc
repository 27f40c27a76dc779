#include <gtest/gtest.h>

#include "base/error.h"
#include "spec/decoder_spec.h"

namespace tael {
namespace {

DecoderSpec GoodSpec() {
  const GqaSpec gqa{.num_heads = 4,
                    .num_kv_heads = 2,
                    .head_dim = 16,
                    .rope = {.rotary_dim = 16},
                    .scale = 0.25f};
  DecoderSpec spec{.family = "test",
                   .hidden_size = 64,
                   .vocab_size = 512,
                   .max_context = 128,
                   .norm_eps = 1e-5f,
                   .layers = {}};
  spec.layers.assign(2, LayerSpec{.attention = gqa, .ffn = DenseFfnSpec{.intermediate_size = 96}});
  return spec;
}

std::string ProblemOf(const DecoderSpec& spec) {
  try {
    Validate(spec, "here");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Validate, AcceptsAPossibleModel) { EXPECT_EQ(ProblemOf(GoodSpec()), ""); }

TEST(Validate, NamesEveryProblemInOneMessage) {
  DecoderSpec spec = GoodSpec();
  spec.vocab_size = 0;
  std::get<GqaSpec>(spec.layers[0].attention).num_kv_heads = 3;
  std::get<GqaSpec>(spec.layers[1].attention).rope.rotary_dim = 7;
  std::get<DenseFfnSpec>(spec.layers[1].ffn).intermediate_size = -1;
  const std::string problem = ProblemOf(spec);
  for (const char* part : {"vocab_size is 0", "4 attention heads", "rotary dimension is 7",
                           "intermediate_size is -1", "here:"}) {
    EXPECT_NE(problem.find(part), std::string::npos) << part << " not in: " << problem;
  }
}

TEST(Validate, AsksNothingOfTheRopeOfALayerWithoutPositions) {
  DecoderSpec spec = GoodSpec();
  std::get<GqaSpec>(spec.layers[1].attention).rope = {.pairing = RopePairing::kNone};
  EXPECT_EQ(ProblemOf(spec), "");
}

TEST(Validate, WantsOneExpertOfEachGroupToBeAsManyAsThereAreGroups) {
  DecoderSpec spec = GoodSpec();
  MoeFfnSpec moe{.router = {.num_experts = 12, .experts_per_token = 3}, .expert_size = 8};
  moe.router.choice = ExpertChoice::kBestOfEachGroup;
  moe.router.num_groups = moe.router.groups_per_token = 3;
  moe.activation = Activation::kClampedSilu;
  moe.clamp.limit = 7;
  spec.layers[0].ffn = moe;
  EXPECT_EQ(ProblemOf(spec), "");
  moe.router.experts_per_token = 4;
  moe.clamp.limit = 0;
  spec.layers[0].ffn = moe;
  EXPECT_NE(ProblemOf(spec).find("4 experts per token"), std::string::npos);
  EXPECT_NE(ProblemOf(spec).find("swiglu_limit is 0"), std::string::npos);
}

TEST(Validate, RefusesNumbersThatAreNotFinite) {
  DecoderSpec spec = GoodSpec();
  spec.norm_eps = -1.0f;
  std::get<GqaSpec>(spec.layers[0].attention).rope.theta = 0;
  EXPECT_NE(ProblemOf(spec).find("rms_norm_eps"), std::string::npos);
  EXPECT_NE(ProblemOf(spec).find("rope_theta"), std::string::npos);
}

TEST(Validate, RefusesImpossibleLatentAttention) {
  MlaSpec mla;
  mla.num_heads = 3;
  mla.q_rank = 40;
  mla.latent_dim = 33;
  mla.nope_dim = 5;
  mla.rope_dim = 6;
  mla.value_dim = 7;
  mla.rope.rotary_dim = 6;
  mla.scale = 0.3f;
  mla.indexer = {.num_heads = 2, .head_dim = 9, .top_k = 4};
  DecoderSpec spec = GoodSpec();
  const auto problem = [&](const MlaSpec& changed) {
    spec.layers[1].attention = changed;
    return ProblemOf(spec);
  };
  EXPECT_EQ(problem(mla), "");
  MlaSpec bad = mla;
  bad.value_dim = 0;
  bad.latent_dim = -3;
  EXPECT_NE(problem(bad).find("v_head_dim is 0"), std::string::npos);
  EXPECT_NE(problem(bad).find("kv_lora_rank is -3"), std::string::npos);
  bad = mla;
  bad.num_heads = 1 << 20;
  EXPECT_NE(problem(bad).find("num_attention_heads * 39 is larger"), std::string::npos);
  bad = mla;
  bad.rope.rotary_dim = 4;
  EXPECT_NE(problem(bad).find("4 rotated elements, needed all 6"), std::string::npos);
  bad = mla;
  bad.q_rank = 0;
  bad.indexer->head_dim = 5;
  bad.indexer->top_k = 0;
  for (const char* part :
       {"an indexer needs q_lora_rank", "index_head_dim is 5", "index_topk is 0"}) {
    EXPECT_NE(problem(bad).find(part), std::string::npos) << part;
  }
}

TEST(Validate, RefusesImpossibleExperts) {
  DecoderSpec spec = GoodSpec();
  MoeFfnSpec moe;
  moe.expert_size = 24;
  moe.shared_size = 8;
  moe.router.num_experts = 12;
  moe.router.experts_per_token = 3;
  const auto problem = [&](const MoeFfnSpec& changed) {
    spec.layers[1].ffn = changed;
    return ProblemOf(spec);
  };
  EXPECT_EQ(problem(moe), "");
  MoeFfnSpec bad = moe;
  bad.router.num_experts = 1 << 20;
  EXPECT_NE(problem(bad).find("number of experts is 1048576"), std::string::npos);
  bad = moe;
  bad.router.experts_per_token = 13;
  EXPECT_NE(problem(bad).find("experts per token is 13"), std::string::npos);
  bad = moe;
  bad.router.num_groups = 5;
  EXPECT_NE(problem(bad).find("cannot be cut into 5 groups"), std::string::npos);
  bad.router.num_groups = 6;
  bad.router.groups_per_token = 1;
  EXPECT_NE(problem(bad).find("do not hold 3 experts"), std::string::npos);
  bad = moe;
  bad.shared_size = 0;
  bad.shared_gate = true;
  EXPECT_NE(problem(bad).find("without a shared expert"), std::string::npos);
  bad = moe;
  bad.expert_size = 0;
  EXPECT_NE(problem(bad).find("width of the experts is 0"), std::string::npos);
}

}  // namespace
}  // namespace tael
