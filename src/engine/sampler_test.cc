// The sampler of a sequence: order of its parts, state, random numbers, limits.
#include "engine/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/rng.h"

namespace tael {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

const KernelTable& Kernels() { return *SelectKernelTable(); }

// Logits of a Zipf law, p(id) ~ (id + 1)^-exponent.
std::vector<float> ZipfLogits(size_t vocab, double exponent) {
  std::vector<float> logits(vocab);
  for (size_t i = 0; i < vocab; ++i) {
    logits[i] = static_cast<float>(-exponent * std::log(static_cast<double>(i + 1)));
  }
  return logits;
}

std::vector<TokenId> Generate(const SamplingParams& params, std::span<const float> logits,
                              int count, const SamplerContext& context = {}) {
  Sampler sampler(params, Kernels(), context);
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(sampler.Sample(logits, i).id);
    sampler.Accept(tokens.back());
  }
  return tokens;
}

TEST(Sampler, GreedyTakesTheHighestLogitAndTheLowestIdOnTies) {
  const auto greedy = [](const std::vector<float>& logits) {
    return Sampler({}, Kernels()).Sample(logits, 0).id;
  };
  EXPECT_EQ(greedy({5}), 0);
  EXPECT_EQ(greedy({1, 3, 3, 2}), 1);
  EXPECT_EQ(greedy({-kInf, -kInf, -1}), 2);
  EXPECT_EQ(greedy({1, kInf, kInf}), 1);
  // Stages do not run: XTC would exclude the best token.
  const SamplingParams xtc{.xtc_probability = 1, .xtc_threshold = 0.01f};
  EXPECT_EQ(Sampler(xtc, Kernels()).Sample(std::vector<float>{1, 2, 1.5f}, 0).id, 1);
}

TEST(Sampler, TheNumbersDependOnSeedChoiceAndPositionOnly) {
  const std::vector<float> logits(100, 0.0f);
  SamplingParams params{.temperature = 1, .seed = 3};
  const auto draw = [&](int64_t position) {
    return Sampler(params, Kernels()).Sample(logits, position).id;
  };
  const TokenId first = draw(7);
  EXPECT_EQ(draw(7), first);
  Sampler used(params, Kernels());
  for (int i = 0; i < 7; ++i) used.Accept(used.Sample(logits, i).id);
  EXPECT_EQ(used.Sample(logits, 7).id, first);
  EXPECT_EQ(used.Sample(logits, 7).id, first);  // sampling changes nothing
  const std::vector<TokenId> tokens = Generate(params, logits, 20);
  params.choice = 1;
  EXPECT_NE(Generate(params, logits, 20), tokens);
  params.choice = 0;
  params.seed = 4;
  EXPECT_NE(Generate(params, logits, 20), tokens);
}

TEST(Sampler, EveryKernelTableDrawsTheSameTokens) {
  const std::vector<float> logits = ZipfLogits(20011, 0.9);
  SamplingParams params{.temperature = 0.8f, .top_p = 0.95f, .typical_p = 0.9f, .seed = 1};
  params.dynatemp_range = 0.3f;
  params.xtc_probability = 0.5f;
  params.xtc_threshold = 0.05f;
  const std::vector<TokenId> want = Generate(params, logits, 50);
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    Sampler sampler(params, **table);
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(sampler.Sample(logits, i).id, want[static_cast<size_t>(i)]) << (*table)->name;
    }
  }
}

TEST(Sampler, SharedBuffersChangeNothing) {
  const auto buffers = std::make_shared<SamplerBuffers>(Kernels());
  const std::vector<float> small = ZipfLogits(7, 1), large = ZipfLogits(3000, 1);
  const SamplingParams params{.temperature = 1, .top_k = 5, .frequency_penalty = 1, .seed = 2};
  Sampler a(params, Kernels(), {.buffers = buffers}), b(params, Kernels(), {.buffers = buffers});
  const std::vector<TokenId> want_a = Generate(params, small, 30);
  const std::vector<TokenId> want_b = Generate(params, large, 30);
  for (int i = 0; i < 30; ++i) {
    const TokenId from_a = a.Sample(small, i).id, from_b = b.Sample(large, i).id;
    EXPECT_EQ(from_a, want_a[static_cast<size_t>(i)]);
    EXPECT_EQ(from_b, want_b[static_cast<size_t>(i)]);
    a.Accept(from_a);
    b.Accept(from_b);
  }
}

TEST(Sampler, AVocabularyOfOneAndOneOfAHundredThousandWork) {
  for (const size_t vocab : {1u, 100000u}) {
    for (const float level : {0.0f, -1e30f, kInf}) {
      SamplingParams params{.temperature = 2, .top_k = 50000, .top_p = 0.9f, .min_p = 0.1f};
      params.typical_p = 0.5f;
      params.top_n_sigma = 1;
      params.xtc_probability = 1;
      params.mirostat_eta = 1;
      for (int mirostat = 0; mirostat <= 2; ++mirostat) {
        params.mirostat = mirostat;
        for (const TokenId id : Generate(params, std::vector<float>(vocab, level), 5)) {
          EXPECT_TRUE(id >= 0 && static_cast<size_t>(id) < vocab);
        }
      }
    }
  }
}

TEST(Sampler, NeverPicksWhatIsBannedHoweverItsLogitIsChanged) {
  const std::vector<float> logits = {1, 90, 2, kInf};
  SamplingParams params{.temperature = 5, .repeat_penalty = 0.5f, .frequency_penalty = -9};
  params.logit_bias = {{3, -kInf}, {1, -kInf}, {1, 50.0f}};
  for (const TokenId id : Generate(params, logits, 200)) EXPECT_TRUE(id == 0 || id == 2);
}

TEST(Sampler, RefusesNaNAndAVocabularyThatIsBannedAsAWhole) {
  const auto code = [](const SamplingParams& params, const std::vector<float>& logits) {
    try {
      Sampler(params, Kernels()).Sample(logits, 0);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  for (const float temperature : {0.0f, 1.0f}) {
    SamplingParams params{.temperature = temperature};
    EXPECT_EQ(code(params, {0, std::nanf("")}), ErrorCode::kCorrupt);
    params.logit_bias = {{0, -kInf}, {1, -kInf}};
    EXPECT_EQ(code(params, {0, 1}), ErrorCode::kInvalidArgument);
  }
  SamplingParams strings;
  strings.banned_strings = {"a"};
  EXPECT_THROW(Sampler(strings, Kernels()), Error);
}

TEST(Sampler, StopTokensWaitForTheMinimumOfTokens) {
  const std::vector<float> logits = {0, 9, 8};
  const std::vector<TokenId> stops = {1, 2};
  SamplingParams params;
  params.min_tokens = 3;
  EXPECT_THAT(Generate(params, logits, 5, {.stop_tokens = stops}),
              testing::ElementsAre(0, 0, 0, 1, 1));
}

TEST(Sampler, PenaltiesAndBansSeePromptAndAnswer) {
  const std::vector<float> logits = {1.0f, 0.9f, 0.8f, 0.7f};
  const std::vector<TokenId> prompt = {0, 0};
  SamplingParams repeat{.repeat_penalty = 2};
  EXPECT_THAT(Generate(repeat, logits, 4, {.prompt = prompt}), testing::ElementsAre(1, 2, 3, 0));
  SamplingParams presence{.presence_penalty = 1};  // the prompt does not count
  EXPECT_THAT(Generate(presence, logits, 4, {.prompt = prompt}), testing::ElementsAre(0, 1, 2, 3));
  SamplingParams banned;
  banned.banned_sequences = {{0, 0}};
  EXPECT_THAT(Generate(banned, logits, 4, {.prompt = prompt}), testing::ElementsAre(1, 0, 1, 0));
  SamplingParams dry{.dry_multiplier = 1};
  EXPECT_THAT(Generate(dry, logits, 5, {.prompt = prompt}), testing::ElementsAre(0, 1, 0, 0, 2));
}

TEST(Sampler, BannedStringsAreKeptOutOfTheAnswer) {
  const std::vector<std::string> texts = {"a", "ab", "b", "ba", "c"};
  SamplingParams params{.temperature = 1, .seed = 5};
  params.banned_strings = {"abb", "caba"};
  const SamplerContext context{.texts = std::make_shared<TokenTexts>(texts)};
  std::string answer;
  for (const TokenId id : Generate(params, std::vector<float>(5, 0.0f), 3000, context)) {
    answer += texts[static_cast<size_t>(id)];
  }
  EXPECT_EQ(answer.find("abb"), std::string::npos);
  EXPECT_EQ(answer.find("caba"), std::string::npos);
  EXPECT_NE(answer.find("aba"), std::string::npos);
}

TEST(Sampler, LogProbabilitiesAreThoseOfTheModelBeforeAnyStage) {
  const std::vector<float> logits = {1, 3, 2};
  SamplingParams params{.temperature = 0.1f, .top_k = 1, .repeat_penalty = 5};
  params.logit_bias = {{1, -kInf}};
  EXPECT_FALSE(Sampler(params, Kernels()).Sample(logits, 0).log_probs.has_value());
  params.log_probs = 2;
  const SampledToken sampled = Sampler(params, Kernels()).Sample(logits, 0);
  EXPECT_EQ(sampled.id, 2);
  ASSERT_TRUE(sampled.log_probs.has_value());
  const double total = std::exp(1) + std::exp(2) + std::exp(3);
  EXPECT_EQ(sampled.log_probs->chosen.id, 2);
  EXPECT_NEAR(sampled.log_probs->chosen.log_prob, 2 - std::log(total), 1e-14);
  ASSERT_EQ(sampled.log_probs->top.size(), 2u);
  EXPECT_EQ(sampled.log_probs->top[0].id, 1);
}

// Mean surprise in bits of a long answer whose tokens all come from the same Zipf law.
double MeanSurprise(int version, float tau, bool accept) {
  const std::vector<float> logits = ZipfLogits(2000, 1.1);
  const LogSoftmax log_softmax(logits);
  SamplingParams params{.temperature = 1, .mirostat = version, .mirostat_tau = tau, .seed = 8};
  Sampler sampler(params, Kernels());
  constexpr int kTokens = 2000, kSettling = 300;
  double sum = 0;
  for (int i = 0; i < kTokens; ++i) {
    const TokenId id = sampler.Sample(logits, i).id;
    if (accept) sampler.Accept(id);
    if (i >= kSettling) sum -= log_softmax(logits[static_cast<size_t>(id)]) / std::log(2.0);
  }
  return sum / (kTokens - kSettling);
}

TEST(Sampler, MirostatConvergesToItsTargetSurprise) {
  for (const int version : {1, 2}) {
    for (const float tau : {3.5f, 4.0f, 5.5f}) {
      const auto target = static_cast<double>(tau);
      EXPECT_NEAR(MeanSurprise(version, tau, /*accept=*/true), target, 0.1) << version;
    }
    // Without the feedback it does not.
    EXPECT_GT(std::fabs(MeanSurprise(version, 4.0f, /*accept=*/false) - 4.0), 0.2) << version;
  }
}

TEST(Sampler, MirostatLearnsOnlyFromTokensItPicked) {
  const std::vector<float> logits = ZipfLogits(1000, 1.0);
  const SamplingParams params{.temperature = 1, .mirostat = 2, .mirostat_eta = 1, .seed = 1};
  Sampler forced(params, Kernels()), fresh(params, Kernels());
  for (int i = 0; i < 50; ++i) {
    const TokenId id = forced.Sample(logits, i).id;
    forced.Accept(id == 0 ? 1 : 0);
  }
  for (int i = 50; i < 100; ++i) {
    EXPECT_EQ(forced.Sample(logits, i).id, fresh.Sample(logits, i).id);
  }
}

}  // namespace
}  // namespace tael
