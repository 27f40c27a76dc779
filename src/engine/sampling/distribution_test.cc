// Every sampler draws from the distribution its formula says: chi-square tests against expectations
// computed here, and against a wrong formula that must be rejected. Seeds are fixed: no flakes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/rng.h"
#include "engine/sampler.h"

namespace tael {
namespace {

using Distribution = std::vector<double>;

constexpr int kDraws = 40000;

// Out of order, with two equal ones; probabilities from 0.27 down to 0.003.
const std::vector<float> kLogits = {0.3f, 2.1f, -1.5f, 1.2f,  1.2f, -2.2f,
                                    1.9f, 0.8f, -0.4f, -1.0f, 0.1f, 1.6f};
// 7 ends the prompt and stood before 1 (after a run of two) and before 3.
const std::vector<TokenId> kPrompt = {5, 7, 3, 6, 7, 1, 11, 6, 7};

// Probability that a chi-square variable of `freedom` degrees exceeds `x`: the regularised upper
// incomplete gamma function by its series (Abramowitz & Stegun 6.5.29).
double ChiSquareTail(double x, int freedom) {
  const double a = freedom / 2.0, z = x / 2.0;
  double term = 1 / a, sum = term;
  for (int n = 1; n < 10000 && term > sum * 1e-17; ++n) sum += term *= z / (a + n);
  return std::max(0.0, 1 - sum * std::exp(a * std::log(z) - z - std::lgamma(a)));
}

// p-value of counts under `expected`; 0 when something impossible was drawn.
double PValue(const std::vector<int>& counts, const Distribution& expected) {
  const double draws = std::accumulate(counts.begin(), counts.end(), 0.0);
  double chi_square = 0;
  int categories = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double want = expected[i] * draws;
    if (want == 0 && counts[i] > 0) return 0;
    if (want == 0) continue;
    chi_square += (counts[i] - want) * (counts[i] - want) / want;
    ++categories;
  }
  return categories < 2 ? 1 : ChiSquareTail(chi_square, categories - 1);
}

std::vector<int> Draw(const SamplingParams& params) {
  Sampler sampler(params, *SelectKernelTable(), {.prompt = kPrompt});
  // The answer so far; mirostat has no feedback from it, as it was not sampled.
  for (const TokenId id : {3, 3, 6, 7}) sampler.Accept(id);
  std::vector<int> counts(kLogits.size());
  for (int i = 0; i < kDraws; ++i) {
    ++counts[static_cast<size_t>(sampler.Sample(kLogits, i).id)];
  }
  return counts;
}

std::vector<double> Doubles() { return {kLogits.begin(), kLogits.end()}; }

// softmax(logits / temperature); -infinity = excluded.
Distribution Softmax(std::vector<double> logits, double temperature = 1) {
  double total = 0;
  for (double& x : logits) total += x = std::exp(x / temperature);
  for (double& x : logits) x /= total;
  return logits;
}

// Ids of kLogits, best first.
std::vector<size_t> Ranking() {
  std::vector<size_t> ids(kLogits.size());
  std::iota(ids.begin(), ids.end(), size_t{0});
  std::sort(ids.begin(), ids.end(), [](size_t a, size_t b) {
    return kLogits[a] != kLogits[b] ? kLogits[a] > kLogits[b] : a < b;
  });
  return ids;
}

Distribution Only(const std::vector<size_t>& ids, const Distribution& p) {
  Distribution kept(p.size());
  double total = 0;
  for (const size_t id : ids) total += kept[id] = p[id];
  for (double& x : kept) x /= total;
  return kept;
}

Distribution TopRanks(size_t begin, size_t end, const Distribution& p = Softmax(Doubles())) {
  const auto ids = Ranking();
  return Only({ids.begin() + static_cast<std::ptrdiff_t>(begin),
               ids.begin() + static_cast<std::ptrdiff_t>(end)},
              p);
}

size_t CountTopP(double limit, const Distribution& p) {
  size_t kept = 0;
  for (double sum = 0; sum < limit;) sum += p[Ranking()[kept++]];
  return kept;
}

Distribution TopP(double limit, const Distribution& p) {
  return TopRanks(0, CountTopP(limit, p), p);
}

Distribution MinP(double share) {
  const Distribution p = Softmax(Doubles());
  const double low = share * *std::max_element(p.begin(), p.end());
  const auto kept = std::count_if(p.begin(), p.end(), [&](double x) { return x >= low; });
  return TopRanks(0, static_cast<size_t>(kept));
}

double Entropy(const Distribution& p) {
  double entropy = 0;
  for (const double x : p) entropy -= x * std::log(x);
  return entropy;
}

Distribution Typical(double limit) {
  const Distribution p = Softmax(Doubles());
  const double entropy = Entropy(p);
  std::vector<size_t> ids = Ranking();
  const auto deviation = [&](size_t id) { return std::fabs(-std::log(p[id]) - entropy); };
  std::sort(ids.begin(), ids.end(), [&](size_t a, size_t b) {
    return deviation(a) != deviation(b) ? deviation(a) < deviation(b) : a < b;
  });
  double sum = 0;
  size_t kept = 0;
  while (sum < limit) sum += p[ids[kept++]];
  ids.resize(kept);
  return Only(ids, p);
}

Distribution TopNSigma(double n) {
  const std::vector<double> x = Doubles();
  const double count = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / count;
  double variance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / count;
  const double low = *std::max_element(x.begin(), x.end()) - n * std::sqrt(variance);
  const auto kept = std::count_if(x.begin(), x.end(), [&](double v) { return v >= low; });
  return TopRanks(0, static_cast<size_t>(kept));
}

Distribution Mixed(const Distribution& a, const Distribution& b, double share_of_a) {
  Distribution mixed(a.size());
  for (size_t i = 0; i < a.size(); ++i) mixed[i] = share_of_a * a[i] + (1 - share_of_a) * b[i];
  return mixed;
}

// The least probable of those with p >= threshold and everything below it.
Distribution WithoutTopChoices(double threshold) {
  const Distribution p = Softmax(Doubles());
  const auto above = std::count_if(p.begin(), p.end(), [&](double x) { return x >= threshold; });
  return TopRanks(static_cast<size_t>(above) - 1, p.size());
}

Distribution DynamicTemperature(double temperature, double range, double exponent) {
  const double share = Entropy(Softmax(Doubles())) / std::log(static_cast<double>(kLogits.size()));
  const double low = temperature - range;
  return Softmax(Doubles(), low + 2 * range * std::pow(share, exponent));
}

Distribution Mirostat1(double mu, double plus) {
  const auto ids = Ranking();
  double top = 0, bottom = 0;
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    top += t * static_cast<double>(kLogits[ids[i]] - kLogits[ids[i + 1]]);
    bottom += t * t;
  }
  const double s = top / bottom, e = s - 1, n = static_cast<double>(ids.size());
  const double k = std::pow(e * std::pow(2, mu) / (1 - std::pow(n, -e)), 1 / s);
  return TopRanks(0, static_cast<size_t>(std::round(k) + plus));
}

Distribution Mirostat2(double mu) {
  const Distribution p = Softmax(Doubles());
  const auto kept =
      std::count_if(p.begin(), p.end(), [&](double x) { return -std::log2(x) <= mu; });
  return TopRanks(0, static_cast<size_t>(kept));
}

// kPrompt and the answer {3, 3, 6, 7}, last 8 tokens: 1 11 6 7 | 3 3 6 7.
Distribution Penalised(double repeat, double frequency, double presence) {
  std::vector<double> x = Doubles();
  for (const size_t id : {1u, 11u, 6u, 7u, 3u}) x[id] = x[id] > 0 ? x[id] / repeat : x[id] * repeat;
  for (const size_t id : {3u, 6u, 7u}) x[id] -= presence + (id == 3 ? 2 : 1) * frequency;
  return Softmax(x);
}

// 5 7 3 6 7 1 11 6 7 3 3 6 7: "3 6 7" stood before 1, "6 7" before 3 as well.
Distribution DryPenalised(double multiplier, double base, int allowed) {
  std::vector<double> x = Doubles();
  x[1] -= multiplier * std::pow(base, 3 - allowed);
  x[3] -= multiplier * std::pow(base, 2 - allowed);
  return Softmax(x);
}

struct Case {
  const char* name;
  SamplingParams params;
  Distribution expected, wrong;
};

SamplingParams Params(const std::function<void(SamplingParams&)>& set) {
  SamplingParams params{.temperature = 1.0f, .seed = 11};
  set(params);
  return params;
}

std::vector<Case> StageCases() {
  const Distribution plain = Softmax(Doubles());
  return {
      {"Plain", Params([](auto&) {}), plain, Softmax(Doubles(), 1.05)},
      {"Temperature", Params([](auto& p) { p.temperature = 0.7f; }), Softmax(Doubles(), 0.7),
       plain},
      {"HighTemperature", Params([](auto& p) { p.temperature = 3; }), Softmax(Doubles(), 3), plain},
      {"DynamicTemperature", Params([](auto& p) {
         p.dynatemp_range = 0.6f;
         p.dynatemp_exponent = 2;
       }),
       DynamicTemperature(1, 0.6, 2), DynamicTemperature(1, 0.6, 1)},
      {"TopK", Params([](auto& p) { p.top_k = 5; }), TopRanks(0, 5), TopRanks(0, 6)},
      {"TopP", Params([](auto& p) { p.top_p = 0.8f; }), TopP(0.8, plain), TopP(0.7, plain)},
      {"MinP", Params([](auto& p) { p.min_p = 0.2f; }), MinP(0.2), MinP(0.1)},
      {"Typical", Params([](auto& p) { p.typical_p = 0.5f; }), Typical(0.5), TopP(0.5, plain)},
      {"TopNSigma", Params([](auto& p) { p.top_n_sigma = 1; }), TopNSigma(1), TopNSigma(0.8)},
      {"Xtc", Params([](auto& p) {
         p.xtc_probability = 0.4f;
         p.xtc_threshold = 0.12f;
       }),
       Mixed(WithoutTopChoices(0.12), plain, 0.4), Mixed(TopRanks(3, 12), plain, 0.4)},
  };
}

std::vector<Case> OtherCases() {
  using enum SamplingStage;
  const Distribution plain = Softmax(Doubles());
  std::vector<double> biased = Doubles(), biased_twice = biased;
  biased[2] += 2;
  biased[6] = -INFINITY;
  biased_twice[2] += 4;
  biased_twice[6] = -INFINITY;
  return {
      {"Mirostat1", Params([](auto& p) {
         p.mirostat = 1;
         p.mirostat_tau = 1.2f;
       }),
       Mirostat1(2.4, 1), Mirostat1(2.4, 0)},
      {"Mirostat2", Params([](auto& p) {
         p.mirostat = 2;
         p.mirostat_tau = 1.5f;
       }),
       Mirostat2(3), Mirostat2(2.7)},
      {"Penalties", Params([](auto& p) {
         p.repeat_penalty = 1.5f;
         p.frequency_penalty = 0.3f;
         p.presence_penalty = 0.2f;
         p.repeat_last_n = 8;
       }),
       Penalised(1.5, 0.3, 0.2), Penalised(1.5, 0.6, 0.2)},
      {"Dry", Params([](auto& p) { p.dry_multiplier = 0.8f; }), DryPenalised(0.8, 1.75, 2),
       DryPenalised(0.8, 1.75, 3)},
      {"LogitBias", Params([](auto& p) { p.logit_bias = {{2, 2.0f}, {6, -INFINITY}}; }),
       Softmax(biased), Softmax(biased_twice)},
      {"TopPBeforeTemperature", Params([](auto& p) {
         p.temperature = 2;
         p.top_p = 0.8f;
       }),
       TopRanks(0, CountTopP(0.8, plain), Softmax(Doubles(), 2)), TopP(0.8, Softmax(Doubles(), 2))},
      {"TemperatureBeforeTopP", Params([](auto& p) {
         p.temperature = 2;
         p.top_p = 0.8f;
         p.stages = {kTemperature, kTopP};
       }),
       TopP(0.8, Softmax(Doubles(), 2)), TopRanks(0, CountTopP(0.8, plain), Softmax(Doubles(), 2))},
  };
}

std::vector<Case> Cases() {
  std::vector<Case> cases = StageCases(), others = OtherCases();
  cases.insert(cases.end(), others.begin(), others.end());
  return cases;
}

class DistributionTest : public testing::TestWithParam<Case> {};

TEST_P(DistributionTest, IsWhatTheFormulaSaysAndNotAnother) {
  const std::vector<int> counts = Draw(GetParam().params);
  EXPECT_GT(PValue(counts, GetParam().expected), 1e-4) << testing::PrintToString(counts);
  EXPECT_LT(PValue(counts, GetParam().wrong), 1e-8) << testing::PrintToString(counts);
}

INSTANTIATE_TEST_SUITE_P(Samplers, DistributionTest, testing::ValuesIn(Cases()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Distribution, ChiSquareTailHasItsTabulatedValues) {
  EXPECT_NEAR(ChiSquareTail(3.841, 1), 0.05, 1e-4);
  EXPECT_NEAR(ChiSquareTail(16.266, 3), 0.001, 1e-5);
  EXPECT_NEAR(ChiSquareTail(19.675, 11), 0.05, 1e-4);
}

// 4 x 4 cells of two uniform numbers; independent ones fill them equally.
double IndependenceP(const std::function<double(uint64_t)>& a,
                     const std::function<double(uint64_t)>& b) {
  std::vector<int> counts(16);
  for (uint64_t i = 0; i < kDraws; ++i) {
    ++counts[static_cast<size_t>(a(i) * 4) * 4 + static_cast<size_t>(b(i) * 4)];
  }
  return PValue(counts, Distribution(16, 1.0 / 16));
}

TEST(Distribution, SeedsChoicesAndStreamsHaveIndependentNumbers) {
  const auto of = [](uint64_t key) { return [key](uint64_t i) { return UniformAt(key, i); }; };
  const auto key = [](uint64_t seed, uint64_t choice, uint64_t stream) {
    return StreamKey(StreamKey(seed, choice), stream);
  };
  const auto base = of(key(5, 0, 0));
  EXPECT_GT(IndependenceP(base, of(key(6, 0, 0))), 1e-4);
  EXPECT_GT(IndependenceP(base, of(key(5, 1, 0))), 1e-4);
  EXPECT_GT(IndependenceP(base, of(key(5, 0, 1))), 1e-4);
  EXPECT_GT(IndependenceP(base, of(5)), 1e-4);
  EXPECT_GT(IndependenceP(base, [&](uint64_t i) { return base(i + 1); }), 1e-4);
  EXPECT_LT(IndependenceP(base, base), 1e-8);
}

}  // namespace
}  // namespace tael
