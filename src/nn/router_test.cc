// Routers against decisions worked out by hand: choice, ties, groups, weights.
#include "nn/router.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace tael {
namespace {

struct Choice {
  std::vector<int32_t> experts;
  std::vector<float> weights;
};

Choice Choose(RouterSpec spec, const std::vector<float>& scores,
              const std::vector<float>& bias = {}, const std::vector<float>& scales = {}) {
  spec.correction_bias = !bias.empty();
  spec.expert_scales = !scales.empty();
  const RouterWeights weights{{}, bias, {}, scales};
  std::vector<float> choice(scores.size());
  std::vector<uint8_t> state(scores.size());
  Choice out{std::vector<int32_t>(static_cast<size_t>(spec.experts_per_token)),
             std::vector<float>(static_cast<size_t>(spec.experts_per_token))};
  ChooseExperts(spec, bias, scores.data(), {choice.data(), state.data()}, out.experts.data());
  WeighExperts(spec, weights, scores.data(), *SelectKernelTable(), out.experts.data(),
               out.weights.data());
  return out;
}

RouterSpec Plain(int experts, int per_token) {
  RouterSpec spec;
  spec.num_experts = experts;
  spec.experts_per_token = per_token;
  return spec;
}

using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;

TEST(Router, TakesTheHighestScoresAndListsThemByIndex) {
  const Choice choice = Choose(Plain(5, 3), {0.25f, 0.5f, 0.0625f, 0.125f, 0.375f});
  EXPECT_EQ(choice.experts, (Ids{0, 1, 4}));
  EXPECT_EQ(choice.weights, (Floats{0.25f, 0.5f, 0.375f}));
}

TEST(Router, TakesTheLowerIndexOfEqualScores) {
  EXPECT_EQ(Choose(Plain(4, 2), {0.25f, 0.25f, 0.25f, 0.25f}).experts, (Ids{0, 1}));
  EXPECT_EQ(Choose(Plain(5, 3), {0.125f, 0.25f, 0.5f, 0.25f, 0.25f}).experts, (Ids{1, 2, 3}));
  EXPECT_EQ(Choose(Plain(3, 1), {-0.0f, 0.0f, -0.0f}).experts, (Ids{0}));
}

TEST(Router, NormalisesAndScalesTheWeights) {
  RouterSpec spec = Plain(4, 2);
  spec.normalize = true;
  spec.scale = 2.5f;
  const Choice choice = Choose(spec, {0.125f, 0.375f, 0.0f, 0.0625f});
  EXPECT_EQ(choice.experts, (Ids{0, 1}));
  EXPECT_EQ(choice.weights, (Floats{0.625f, 1.875f}));  // 1/4 and 3/4 of 2.5
}

TEST(Router, GuardsTheSumByAFloorOrAnAddend) {
  RouterSpec spec = Plain(2, 1);
  spec.normalize = true;
  spec.sum_floor = 0.5f;
  EXPECT_EQ(Choose(spec, {0.25f, 0.125f}).weights, (Floats{0.5f}));
  EXPECT_EQ(Choose(spec, {0.75f, 0.125f}).weights, (Floats{1.0f}));
  spec.sum_floor = 0;
  spec.sum_addend = 0.25f;
  EXPECT_EQ(Choose(spec, {0.75f, 0.125f}).weights, (Floats{0.75f}));
  EXPECT_EQ(Choose(spec, {0.0f, 0.0f}).weights, (Floats{0.0f}));  // 0/0 without the guard
}

TEST(Router, CorrectsTheChoiceButNotTheWeights) {
  const Choice choice =
      Choose(Plain(4, 2), {0.5f, 0.25f, 0.125f, 0.0625f}, {-0.5f, 0.0f, 0.0f, 1.0f});
  EXPECT_EQ(choice.experts, (Ids{1, 3}));
  EXPECT_EQ(choice.weights, (Floats{0.25f, 0.0625f}));
}

TEST(Router, LimitsATokenToItsBestGroups) {
  RouterSpec spec = Plain(6, 2);
  spec.num_groups = 3;
  spec.groups_per_token = 1;
  // Best expert: group 0. Best sum of two: group 1.
  const Floats scores = {0.75f, 0.0f, 0.5f, 0.5f, 0.25f, 0.25f};
  spec.group_score = GroupScore::kMax;
  EXPECT_EQ(Choose(spec, scores).experts, (Ids{0, 1}));
  spec.group_score = GroupScore::kTopTwoSum;
  EXPECT_EQ(Choose(spec, scores).experts, (Ids{2, 3}));
  spec.groups_per_token = 2;
  EXPECT_EQ(Choose(spec, scores).experts, (Ids{0, 2}));
  // Equal groups: the lower one. Negative scores do not lose to shut experts.
  EXPECT_EQ(Choose(spec, Floats(6, -1.0f)).experts, (Ids{0, 1}));
}

TEST(Router, TakesTheBestExpertOfEachGroupAndAppliesItsScaleLast) {
  RouterSpec spec = Plain(6, 2);
  spec.choice = ExpertChoice::kBestOfEachGroup;
  spec.num_groups = spec.groups_per_token = 2;
  const Floats scores = {0.0625f, 0.25f, 0.5f, 0.125f, 0.125f, 0.03125f};
  // The scale of an expert has no part in the choice: expert 5 would win with it.
  const Choice choice = Choose(spec, scores, {}, {1, 1, 0.5f, 1, 4, 100});
  EXPECT_EQ(choice.experts, (Ids{2, 3}));  // of 3 and 4, equal, the lower index
  EXPECT_EQ(choice.weights, (Floats{0.25f, 0.125f}));
  const Choice best = Choose(Plain(6, 2), scores);
  EXPECT_EQ(best.experts, (Ids{1, 2}));
}

TEST(Router, SoftmaxOfTheChosenIgnoresTheOthers) {
  RouterSpec spec = Plain(4, 2);
  spec.scoring = RouterScoring::kSoftmaxOfChosen;
  const Choice choice = Choose(spec, {1.0f, 3.0f + 1.3862944f, -5.0f, 3.0f});  // ln 4 apart
  EXPECT_EQ(choice.experts, (Ids{1, 3}));
  EXPECT_NEAR(choice.weights[0], 0.8f, 1e-6f);
  EXPECT_NEAR(choice.weights[1], 0.2f, 1e-6f);
  // Large logits do not overflow.
  EXPECT_EQ(Choose(spec, {500.0f, 500.0f, 0.0f, 0.0f}).weights, (Floats{0.5f, 0.5f}));
}

// Rows that are not aligned to 8 bytes, as in a file.
TEST(Router, LooksExpertsUpByTokenWhateverTheScores) {
  RouterSpec spec = Plain(5, 2);
  spec.choice = ExpertChoice::kByToken;
  std::vector<uint8_t> file(1 + 6 * sizeof(int64_t));
  const std::vector<int64_t> table = {4, 1, 0, 2, 3, 0};
  std::memcpy(file.data() + 1, table.data(), table.size() * sizeof(int64_t));
  RouterWeights weights;
  weights.token_experts = file.data() + 1;
  Ids experts(2);
  LookUpExperts(spec, weights, 0, experts.data());
  EXPECT_EQ(experts, (Ids{1, 4}));
  LookUpExperts(spec, weights, 2, experts.data());
  EXPECT_EQ(experts, (Ids{0, 3}));
  const std::vector<int32_t> narrow(table.begin(), table.end());
  std::memcpy(file.data() + 1, narrow.data(), narrow.size() * sizeof(int32_t));
  weights.token_experts_dtype = DType::kI32;
  LookUpExperts(spec, weights, 0, experts.data());
  EXPECT_EQ(experts, (Ids{1, 4}));
  LookUpExperts(spec, weights, 2, experts.data());
  EXPECT_EQ(experts, (Ids{0, 3}));
}

TEST(Router, DoesNotHideANaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Choice choice = Choose(Plain(4, 2), {0.5f, 0.25f, nan, 0.125f});
  EXPECT_EQ(choice.experts, (Ids{0, 2}));
  EXPECT_TRUE(std::isnan(choice.weights[1]));
  EXPECT_EQ(Choose(Plain(3, 2), {nan, nan, nan}).experts, (Ids{0, 1}));
}

// Two tokens, three experts; the products are 2 ln 2, 0, ln 2 and the same backwards.
TEST(Router, ScoresBySoftmaxOrSigmoid) {
  const Floats x = {1, 0, 0, 1}, gate = {1.3862944f, 0.6931472f, 0, 0, 0.6931472f, 1.3862944f};
  const Weight weight{.dtype = DType::kF32,
                      .n = 3,
                      .k = 2,
                      .data = reinterpret_cast<const uint8_t*>(gate.data()),
                      .row_bytes = 8};
  WorkerPool pool(2);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  RouterSpec spec = Plain(3, 2);
  const auto weights = [&] {
    const Routing routing = Route(spec, {weight, {}}, {x.data(), 2, 2, 2}, {}, ctx);
    EXPECT_EQ(Ids(routing.experts, routing.experts + 4), (Ids{0, 2, 0, 2}));
    return Floats(routing.weights, routing.weights + 4);
  };
  const Floats softmax = weights();  // 4, 1, 2 of 7, then 2, 1, 4
  const Floats by_softmax = {4.0f / 7, 2.0f / 7, 2.0f / 7, 4.0f / 7};
  // A bias of the gate is added before everything else: 1, 4, 2 of 7.
  spec.gate_bias = true;
  const Routing biased =
      Route(spec, {weight, {}, {-1.3862944f, 1.3862944f, 0}, {}}, {x.data(), 1, 2, 2}, {}, ctx);
  EXPECT_EQ(Ids(biased.experts, biased.experts + 2), (Ids{1, 2}));
  EXPECT_NEAR(biased.weights[0], 4.0f / 7, 1e-6f);
  spec.gate_bias = false;
  spec.scoring = RouterScoring::kSqrtSoftplus;
  const Floats root = weights();  // sqrt(ln(1 + t)) of t = 4, 1, 2
  EXPECT_NEAR(root[0], 1.2686362f, 1e-6f);
  EXPECT_NEAR(root[1], 1.0481470f, 1e-6f);
  spec.scoring = RouterScoring::kSigmoid;
  const Floats sigmoid = weights();  // t / (1 + t) of 4, 1, 2
  const Floats by_sigmoid = {0.8f, 2.0f / 3, 2.0f / 3, 0.8f};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(softmax[i], by_softmax[i], 1e-6f) << i;
    EXPECT_NEAR(sigmoid[i], by_sigmoid[i], 1e-6f) << i;
  }
}

}  // namespace
}  // namespace tael
