// Scoring in batches gives the bits of scoring one by one; divergences against the definition.
#include "engine/model_comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/rng.h"
#include "engine/perplexity.h"
#include "tests/support/engine_answers.h"

namespace tael {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
const auto kNoProgress = [](int64_t) {};

ScoringOptions Options(int batch, MatmulMode matmul = MatmulMode::kInteger) {
  ScoringOptions options;
  options.max_context = 64;
  options.batch = batch;
  options.runner.threads = 2;
  options.runner.worth_a_thread = 0;
  options.runner.matmul = matmul;
  return options;
}

TEST(CutWindows, LeavesNothingOutThatCanBeScored) {
  const std::vector<TokenId> tokens(130);
  const std::vector<TokenWindow> windows = CutWindows(tokens, 64);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[2].size(), 2u);
  EXPECT_EQ(ScoredTokens(windows), 63 + 63 + 1);
  EXPECT_EQ(CutWindows(std::span(tokens).first(129), 64).size(), 2u);
  EXPECT_TRUE(CutWindows(std::span(tokens).first(1), 64).empty());
}

TEST(WindowScorer, BatchesGiveTheBitsOfOneWindowAfterTheOther) {
  for (const char* name : {"llama3", "quant/gguf/pure_Q4_K.gguf"}) {
    const auto model = LoadModel(Golden(name));
    const std::vector<TokenId> tokens = Tokens(64 * 5 + 23, 1);
    const std::vector<TokenWindow> windows = CutWindows(tokens, 64);
    std::vector<double> want;
    Session session(*model, {.max_context = 64, .runner = {.threads = 1}});
    for (const TokenWindow& window : windows) {
      for (const double nll : SequenceNll(session, window)) want.push_back(nll);
    }
    for (const int batch : {1, 2, 4, 7}) {
      WindowScorer scorer(*model, Options(batch));
      EXPECT_EQ(NllOfWindows(scorer, windows, kNoProgress), want) << name << " " << batch;
      // And again with the same scorer.
      EXPECT_EQ(NllOfWindows(scorer, windows, kNoProgress), want) << name << " " << batch;
    }
  }
}

TEST(WindowScorer, RefusesWindowsBeyondTheContextAndPassesErrorsOn) {
  const auto model = LoadModel(Golden("qwen3"));
  WindowScorer scorer(*model, Options(2));
  const std::vector<TokenId> tokens = Tokens(65, 1);
  EXPECT_THROW(scorer.Start({tokens}, {}), Error);
  scorer.Start({TokenWindow(tokens).first(9)},
               [](const ScoredRow&) { throw std::runtime_error("enough"); });
  EXPECT_THROW(while (scorer.Step()){}, std::runtime_error);
}

TEST(CompareRows, FollowsTheDefinitionOfTheDivergence) {
  std::vector<float> p(777), q(777);
  for (size_t i = 0; i < p.size(); ++i) {
    p[i] = static_cast<float>(12 * UniformAt(1, i) * UniformAt(2, i));
    q[i] = p[i] + static_cast<float>(UniformAt(3, i)) + 5;
  }
  const auto log_sum = [](const std::vector<float>& x) {
    long double sum = 0;
    for (const float v : x) sum += std::exp(static_cast<long double>(v));
    return std::log(sum);
  };
  const long double p_total = log_sum(p), q_total = log_sum(q);
  long double kl = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    kl += std::exp(p[i] - p_total) * ((p[i] - p_total) - (q[i] - q_total));
  }
  const TokenComparison found = CompareRows(p, q, 5);
  EXPECT_NEAR(found.kl, static_cast<double>(kl), 1e-14);
  EXPECT_NEAR(found.base_nll, static_cast<double>(p_total - p[5]), 1e-13);
  EXPECT_NEAR(found.nll, static_cast<double>(q_total - q[5]), 1e-13);
}

TEST(CompareRows, KnowsTheSameTopAndWhatIsImpossible) {
  const std::vector<float> p = {1, 3, 3, -kInf}, q = {3, 2, 1, 3}, r = {0, 9, 9, -kInf};
  EXPECT_FALSE(CompareRows(p, q, 0).same_top);
  EXPECT_TRUE(CompareRows(p, r, 0).same_top);
  EXPECT_EQ(CompareRows(p, p, 1).kl, 0);
  EXPECT_THROW(CompareRows(q, p, 0), Error);  // infinite
  EXPECT_THROW(CompareRows(p, p, 3), Error);  // the token itself is impossible
  const std::vector<float> nan = {1, std::nanf(""), 0, 0};
  EXPECT_THROW(CompareRows(nan, q, 0), Error);
}

TEST(CompareWindows, AModelIsAtDistanceZeroFromItself) {
  const auto model = LoadModel(Golden("quant/gguf/pure_Q4_K.gguf"));
  const std::vector<TokenId> tokens = Tokens(200, 4);
  const std::vector<TokenWindow> windows = CutWindows(tokens, 64);
  WindowScorer a(*model, Options(3)), b(*model, Options(3));
  for (const TokenComparison& token : CompareWindows(a, b, windows, kNoProgress)) {
    EXPECT_EQ(token.kl, 0);
    EXPECT_EQ(token.nll, token.base_nll);
    EXPECT_TRUE(token.same_top);
  }
  WindowScorer exact(*model, Options(3, MatmulMode::kFloat));
  const auto compared = CompareWindows(exact, b, windows, kNoProgress);
  const ComparisonSummary summary = Summarise(compared);
  EXPECT_GT(summary.kl.value, 0);
  EXPECT_LE(summary.kl_median, summary.kl_90);
  EXPECT_LE(summary.kl_99_9, summary.kl_max);
  EXPECT_NEAR(summary.perplexity_ratio.value, std::exp(summary.nll.value - summary.base_nll.value),
              1e-12);
  // The base's part does not depend on what it is compared with.
  const std::vector<double> nll = NllOfWindows(exact, windows, kNoProgress);
  for (size_t i = 0; i < nll.size(); ++i) EXPECT_EQ(compared[i].base_nll, nll[i]);
}

}  // namespace
}  // namespace tael
