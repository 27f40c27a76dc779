// The stages one by one: order of candidates, repetitions against a plain search, bans, messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "base/error.h"
#include "engine/sampler.h"
#include "engine/sampling/temperature.h"
#include "engine/sampling/truncation.h"

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();

Candidates From(const std::vector<float>& logits) {
  Candidates candidates(*SelectKernelTable());
  candidates.Assign(logits);
  return candidates;
}

std::vector<TokenId> Ids(const Candidates& candidates) {
  std::vector<TokenId> ids(candidates.size());
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = candidates[i].id;
  return ids;
}

std::string MessageOf(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// With ties, zeros of both signs and the ends of the range.
std::vector<float> RoughLogits(size_t n) {
  std::mt19937 rng(3);
  std::vector<float> logits(n);
  for (float& x : logits) x = static_cast<float>(static_cast<int>(rng() % 2001) - 1000) / 64;
  logits[0] = -0.0f;
  logits[n / 2] = 0.0f;
  logits[n / 3] = std::numeric_limits<float>::max();
  logits[n - 1] = std::numeric_limits<float>::lowest();
  return logits;
}

TEST(Candidates, AreSortedByLogitThenIdHoweverMany) {
  for (const size_t n : {1u, 2u, 3u, 9u, 513u, 1024u, 1025u, 20011u}) {
    const std::vector<float> logits = RoughLogits(n);
    std::vector<TokenId> want(n);
    for (size_t i = 0; i < n; ++i) want[i] = static_cast<TokenId>(i);
    std::sort(want.begin(), want.end(), [&](TokenId a, TokenId b) {
      const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    });
    Candidates all = From(logits);
    all.SortBestFirst();
    EXPECT_EQ(Ids(all), want) << n;
    for (const size_t k : {size_t{1}, n / 100 + 1, n / 2 + 1}) {
      Candidates best = From(logits);
      best.KeepBest(k);
      best.SortBestFirst();
      EXPECT_EQ(Ids(best), std::vector<TokenId>(want.begin(), want.begin() + std::min(k, n)));
    }
  }
}

TEST(Candidates, InfiniteLogitsAreTheLimitOfTheSoftmax) {
  EXPECT_THAT(Ids(From({1, -kInf, 2})), ElementsAre(0, 2));
  Candidates both = From({1, kInf, 2, kInf, -kInf});
  EXPECT_THAT(Ids(both), ElementsAre(1, 3));
  EXPECT_DOUBLE_EQ(both.Entropy(both.ComputeWeights()), std::log(2.0));
  EXPECT_THAT(MessageOf([] { From({-kInf, -kInf}); }), HasSubstr("all 2 are banned"));
}

TEST(Truncation, KeepsWhatItsDefinitionSays) {
  const std::vector<float> logits = {0, 3, 1, 2, 3};
  const auto kept = [&](auto stage) {
    Candidates c = From(logits);
    stage(c);
    c.SortBestFirst();
    return Ids(c);
  };
  // p = 0.0195 0.3917 0.0530 0.1441 0.3917
  EXPECT_THAT(kept([](auto& c) { KeepTopK(3, c); }), ElementsAre(1, 4, 3));
  EXPECT_THAT(kept([](auto& c) { KeepTopP(0.39f, c); }), ElementsAre(1));
  EXPECT_THAT(kept([](auto& c) { KeepTopP(0.40f, c); }), ElementsAre(1, 4));
  EXPECT_THAT(kept([](auto& c) { KeepTopP(0.0f, c); }), ElementsAre(1));
  EXPECT_THAT(kept([](auto& c) { KeepMinP(1.0f, c); }), ElementsAre(1, 4));
  EXPECT_THAT(kept([](auto& c) { KeepMinP(0.3f, c); }), ElementsAre(1, 4, 3));
  // Entropy 1.246; surprises 0.937 (twice), 1.937, 2.937, 3.937.
  EXPECT_THAT(kept([](auto& c) { KeepTypical(0.0f, c); }), ElementsAre(4));
  EXPECT_THAT(kept([](auto& c) { KeepTypical(0.79f, c); }), ElementsAre(1, 4, 3));
  // Mean 1.8, sigma 1.166.
  EXPECT_THAT(kept([](auto& c) { KeepTopNSigma(0.5f, c); }), ElementsAre(1, 4));
  EXPECT_THAT(kept([](auto& c) { KeepTopNSigma(0.9f, c); }), ElementsAre(1, 4, 3));
  EXPECT_THAT(kept([](auto& c) { ExcludeTopChoices(0.1f, c); }), ElementsAre(3, 2, 0));
  EXPECT_THAT(kept([](auto& c) { ExcludeTopChoices(0.3f, c); }), ElementsAre(4, 3, 2, 0));
  EXPECT_THAT(kept([](auto& c) { ExcludeTopChoices(0.5f, c); }), ElementsAre(1, 4, 3, 2, 0));
}

// Large lists are not sorted as a whole; what is kept must be the same as if they were.
TEST(Truncation, GivesTheSameOnSortedAndUnsortedCandidates) {
  std::mt19937 rng(6);
  std::vector<float> logits(30011);
  for (float& x : logits) x = static_cast<float>(rng() % 4096) / 256;
  const auto same = [&](auto stage) {
    Candidates sorted = From(logits), unsorted = From(logits);
    sorted.SortBestFirst();
    stage(sorted);
    stage(unsorted);
    unsorted.SortBestFirst();
    EXPECT_EQ(Ids(sorted), Ids(unsorted));
    EXPECT_LT(sorted.size(), logits.size());
  };
  for (const float p : {0.0f, 0.001f, 0.3f, 0.9f, 0.999999f}) {
    same([p](auto& c) { KeepTopP(p, c); });
  }
  same([](auto& c) { KeepMinP(0.01f, c); });
  same([](auto& c) { KeepTypical(0.5f, c); });
  same([](auto& c) { KeepTopNSigma(1, c); });
  same([](auto& c) { ExcludeTopChoices(1e-4f, c); });
  same([](auto& c) { KeepTopK(20000, c); });
  for (const double u : {0.0, 0.2, 0.5, 0.99, 0.99999}) {
    Candidates sorted = From(logits), unsorted = From(logits);
    sorted.SortBestFirst();
    EXPECT_EQ(sorted[sorted.Draw(u)].id, unsorted[unsorted.Draw(u)].id) << u;
  }
}

TEST(Truncation, OneCandidateOrEqualOnesSurviveEveryStage) {
  for (const size_t n : {1u, 7u, 100000u}) {
    for (const float level : {-80.0f, 0.0f, 3e38f}) {
      const std::vector<float> equal(n, level);
      Candidates c = From(equal);
      KeepTopNSigma(1, c);
      KeepTypical(1.0f, c);
      KeepMinP(1, c);
      ApplyTemperature(1e-20f, c);
      ApplyTemperature(DynamicTemperature(1, 1, 1, c), c);
      EXPECT_EQ(c.size(), n);
      KeepTypical(0.5f, c);
      EXPECT_EQ(c.size(), (n + 1) / 2);
      KeepTopP(0.5f, c);
      EXPECT_EQ(c.size(), (n + 3) / 4);
      KeepTopK(1, c);
      ExcludeTopChoices(0, c);
      EXPECT_EQ(c.size(), 1u);
    }
  }
}

TEST(Temperature, NearZeroLeavesTheBestAndDynamicStaysInItsRange) {
  Candidates c = From({1, 5, 3, 5});
  ApplyTemperature(1e-40f, c);  // the others' logits leave the range of float32
  EXPECT_THAT(Ids(c), ElementsAre(1, 3));
  Candidates sharp = From({0, 200, 0}), flat = From({4, 4, 4, 4});
  EXPECT_FLOAT_EQ(DynamicTemperature(1, 0.5f, 1, sharp), 0.5f);
  EXPECT_FLOAT_EQ(DynamicTemperature(1, 0.5f, 1, flat), 1.5f);
  EXPECT_FLOAT_EQ(DynamicTemperature(1, 2.0f, 1, sharp), 1e-3f);
}

// The definition in dry.h, by looking at every pair of places.
std::vector<float> DryByDefinition(const SamplingParams& p, const std::vector<TokenId>& history,
                                   size_t vocab) {
  const size_t size = history.size();
  const auto ends_breaker = [&](size_t i) {  // a breaker ends with token i
    return std::any_of(p.dry_breakers.begin(), p.dry_breakers.end(), [&](const auto& b) {
      return b.size() <= i + 1 &&
             std::equal(b.rbegin(), b.rend(),
                        history.rbegin() + static_cast<std::ptrdiff_t>(size - 1 - i));
    });
  };
  size_t unbroken = 0;
  while (unbroken < size && !ends_breaker(size - 1 - unbroken)) ++unbroken;
  const size_t first =
      p.dry_penalty_last_n < 0 ? 0 : size - std::min(size, size_t(p.dry_penalty_last_n));
  std::vector<size_t> longest(vocab, 0);
  for (size_t next = first + 1; next < size; ++next) {
    size_t n = 0;
    while (n < unbroken && next - n > first && history[next - 1 - n] == history[size - 1 - n]) ++n;
    longest[size_t(history[next])] = std::max(longest[size_t(history[next])], n);
  }
  std::vector<float> penalty(vocab, 0);
  for (size_t id = 0; id < vocab; ++id) {
    if (longest[id] < size_t(p.dry_allowed_length)) continue;
    std::vector<TokenId> longer = history;
    longer.push_back(TokenId(id));
    const bool spared = std::any_of(p.dry_breakers.begin(), p.dry_breakers.end(), [&](auto& b) {
      return b.size() <= longer.size() && std::equal(b.rbegin(), b.rend(), longer.rbegin());
    });
    const double exponent = double(longest[id]) - p.dry_allowed_length;
    if (!spared) penalty[id] = float(double(p.dry_multiplier) * std::pow(p.dry_base, exponent));
  }
  return penalty;
}

TEST(Dry, PenalisesLikeItsDefinitionOnRandomTexts) {
  std::mt19937 rng(9);
  int penalised = 0;
  for (int round = 0; round < 400; ++round) {
    SamplingParams params{.dry_multiplier = 0.5f, .dry_base = 1.25f};
    params.dry_allowed_length = 1 + static_cast<int>(rng() % 3);
    params.dry_penalty_last_n = round % 3 == 0 ? static_cast<int>(rng() % 40) : -1;
    if (round % 2 == 0) params.dry_breakers = {{3}, {1, 2}};
    Dry dry(params);
    std::vector<TokenId> history;
    for (size_t i = rng() % 60; i > 0; --i) {
      const auto id = static_cast<TokenId>(rng() % 4);
      dry.Push(history, id);
      history.push_back(id);
    }
    std::vector<float> logits(5, 0.0f);
    dry.Apply(history, logits);
    const std::vector<float> want = DryByDefinition(params, history, 5);
    for (size_t id = 0; id < 5; ++id) {
      EXPECT_NEAR(-logits[id], want[id], 1e-4f * (1 + want[id])) << "round " << round;
      penalised += want[id] > 0 ? 1 : 0;
    }
  }
  EXPECT_GT(penalised, 300);
}

TEST(Dry, LongRepetitionsArePenalisedButNeverBanned) {
  const SamplingParams params{.dry_multiplier = 1, .dry_base = 100};
  Dry dry(params);
  std::vector<TokenId> history;
  for (int i = 0; i < 5000; ++i) {
    dry.Push(history, i % 2);
    history.push_back(i % 2);
  }
  std::vector<float> logits(3, 0.0f);
  dry.Apply(history, logits);
  EXPECT_THAT(logits, ElementsAre(-1e6f, 0, 0));
}

TEST(Penalties, CountAWindowThatMoves) {
  std::mt19937 rng(4);
  for (const int last_n : {-1, 0, 1, 7}) {
    SamplingParams params{.repeat_penalty = 2, .frequency_penalty = 0.25f, .repeat_last_n = last_n};
    params.presence_penalty = 0.5f;
    Penalties penalties(params);
    std::vector<TokenId> text;
    for (int i = 0; i < 50; ++i) {
      const auto id = static_cast<TokenId>(rng() % 6);
      penalties.Push(id, /*generated=*/i >= 20);
      text.push_back(id);
      std::vector<float> logits = {2, 2, 2, -2, -2, -2}, want = logits;
      penalties.Apply(logits);
      for (TokenId t = 0; t < 6; ++t) {
        int all = 0, generated = 0;
        for (int j = last_n < 0 ? 0 : std::max(0, i + 1 - last_n); j <= i; ++j) {
          all += text[size_t(j)] == t ? 1 : 0;
          generated += text[size_t(j)] == t && j >= 20 ? 1 : 0;
        }
        float& x = want[size_t(t)];
        if (all > 0) x = t < 3 ? 1 : -4;
        if (generated > 0) x -= 0.25f * static_cast<float>(generated) + 0.5f;
      }
      EXPECT_EQ(logits, want) << last_n;
    }
  }
}

// All texts of up to three letters over {a, b}, and an empty one.
std::vector<std::string> ShortTexts() {
  std::vector<std::string> texts = {""};
  for (size_t i = 0; texts.size() < 15; ++i) {
    texts.push_back(texts[i] + "a");
    texts.push_back(texts[i] + "b");
  }
  return texts;
}

TEST(BannedStrings, BanExactlyTheTokensThatWouldCompleteOne) {
  const std::vector<std::string> texts = ShortTexts(), banned = {"abba", "bbbb", "aabab"};
  BannedStrings bans(banned, std::make_shared<TokenTexts>(texts));
  std::mt19937 rng(2);
  std::string answer;
  for (int step = 0; step < 400; ++step) {
    std::vector<float> logits(texts.size() + 1, 0.0f);
    bans.Apply(logits);
    for (size_t id = 0; id < texts.size(); ++id) {
      const std::string longer = answer + texts[id];
      const bool bad = std::any_of(banned.begin(), banned.end(), [&](const std::string& b) {
        return longer.find(b) != std::string::npos;
      });
      EXPECT_EQ(logits[id] == kBanned, bad) << answer << " + " << texts[id];
    }
    EXPECT_EQ(logits.back(), 0.0f);  // an id that the tokenizer does not know
    size_t next = rng() % texts.size();
    while (logits[next] == kBanned) next = rng() % texts.size();
    bans.Push(static_cast<TokenId>(next));
    answer += texts[next];
  }
  EXPECT_GT(answer.size(), 300u);
}

TEST(BannedSequences, BanTheLastTokenAfterTheOthers) {
  const std::vector<std::vector<TokenId>> sequences = {{0}, {1, 2}, {1, 1, 3}};
  const auto banned_after = [&](const std::vector<TokenId>& history) {
    std::vector<float> logits(4, 0.0f);
    BanSequences(sequences, history, logits);
    std::vector<TokenId> banned;
    for (TokenId id = 0; id < 4; ++id) {
      if (logits[size_t(id)] == kBanned) banned.push_back(id);
    }
    return banned;
  };
  EXPECT_THAT(banned_after({}), ElementsAre(0));
  EXPECT_THAT(banned_after({1}), ElementsAre(0, 2));
  EXPECT_THAT(banned_after({2, 1, 1}), ElementsAre(0, 2, 3));
  EXPECT_THAT(banned_after({1, 1, 2}), ElementsAre(0));
}

TEST(LogProbs, AreLogSoftmaxOfTheModelsLogits) {
  const std::vector<float> logits = {1, -kInf, 2, 2, 0};
  const double total = std::exp(1) + 2 * std::exp(2) + 1;
  const TokenLogProbs found = ComputeLogProbs(logits, 4, 4);
  EXPECT_EQ(found.chosen.id, 4);
  EXPECT_NEAR(found.chosen.log_prob, -std::log(total), 1e-15);
  std::vector<TokenId> ids(found.top.size());
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = found.top[i].id;
  EXPECT_THAT(ids, ElementsAre(2, 3, 0, 4));
  EXPECT_NEAR(found.top[2].log_prob, 1 - std::log(total), 1e-15);
  EXPECT_EQ(ComputeLogProbs(logits, 4, 5).top.size(), 4u);  // none of probability 0
  EXPECT_TRUE(ComputeLogProbs(logits, 4, 0).top.empty());
  const TokenLogProbs infinite = ComputeLogProbs(std::vector<float>{kInf, 1, kInf}, 0, 3);
  EXPECT_NEAR(infinite.chosen.log_prob, -std::log(2), 1e-15);
  EXPECT_EQ(infinite.top.size(), 2u);
}

TEST(LogProbs, OfAPromptBelongToTheTokenBefore) {
  const std::vector<float> rows = {0, 1, 2, 5, 0, 0};
  const std::vector<TokenId> tokens = {1, 2, 0};
  const auto found = ComputePromptLogProbs(rows, 3, tokens, 1);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].chosen.id, 2);
  EXPECT_EQ(found[1].chosen.id, 0);
  EXPECT_NEAR(found[0].chosen.log_prob, -std::log(1 + std::exp(-1) + std::exp(-2)), 1e-15);
  EXPECT_NEAR(found[1].chosen.log_prob, -std::log(1 + 2 * std::exp(-5)), 1e-15);
  EXPECT_EQ(found[1].top[0].id, 0);
}

TEST(SamplingParams, WrongValuesAreNamedWithTheirRange) {
  const auto message = [](auto set) {
    SamplingParams params;
    set(params);
    return MessageOf([&] { Validate(params, 100); });
  };
  EXPECT_EQ(message([](auto&) {}), "");
  EXPECT_EQ(message([](auto& p) { p.top_p = 1.5f; }), "top_p is 1.5, needed 0 to 1");
  EXPECT_EQ(message([](auto& p) { p.min_p = NAN; }), "min_p is nan, needed 0 to 1");
  EXPECT_EQ(message([](auto& p) { p.top_k = -1; }), "top_k is -1, needed 0 or more");
  EXPECT_EQ(message([](auto& p) { p.mirostat = 3; }), "mirostat is 3, needed 0 to 2");
  EXPECT_EQ(message([](auto& p) { p.repeat_penalty = 0; }),
            "repeat_penalty is 0, needed 0.01 to 100");
  EXPECT_EQ(message([](auto& p) { p.log_probs = 1001; }), "log_probs is 1001, needed 0 to 1000");
  EXPECT_THAT(message([](auto& p) { p.logit_bias = {{3, kInf}}; }), HasSubstr("token 3 is inf"));
  EXPECT_EQ(message([](auto& p) { p.logit_bias = {{100, 1}}; }),
            "logit_bias names token 100, needed 0 to 99");
  EXPECT_THAT(message([](auto& p) { p.banned_sequences = {{}}; }), HasSubstr("0 tokens"));
  EXPECT_THAT(message([](auto& p) { p.dry_breakers = {{1, -1}}; }), HasSubstr("token -1"));
  EXPECT_THAT(message([](auto& p) { p.banned_strings = {""}; }), HasSubstr("empty text"));
  EXPECT_THAT(message([](auto& p) { p.stages.push_back(SamplingStage::kXtc); }),
              HasSubstr("'xtc' twice"));
}

TEST(SamplingParams, StagesAreParsedAndUnknownOnesListed) {
  EXPECT_EQ(ParseStages("top_n_sigma;top_k;typical_p;top_p;min_p;xtc;temperature"),
            DefaultStages());
  EXPECT_THAT(ParseStages("temperature,top_k"),
              ElementsAre(SamplingStage::kTemperature, SamplingStage::kTopK));
  EXPECT_TRUE(ParseStages("").empty());
  const std::string message = MessageOf([] { ParseStages("top_k,top_q"); });
  EXPECT_THAT(message, HasSubstr("'top_q'"));
  EXPECT_THAT(message, HasSubstr("top_n_sigma, top_k, typical_p, top_p, min_p, xtc, temperature"));
}

}  // namespace
}  // namespace tael
