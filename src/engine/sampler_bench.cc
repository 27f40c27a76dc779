// Time per token of the sampler on a vocabulary of 151,936 (Qwen's), one thread, against the plain
// search for the highest logit in the same run. Not part of any test.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "base/rng.h"
#include "engine/sampler.h"

namespace {

using namespace tael;

constexpr size_t kVocab = 151936;
constexpr int kTokens = 60, kRows = 8;

// Processor time of this thread in microseconds.
double Now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e6 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_nsec);
}

// About normal with standard deviation 2.5 and a few tokens that stand out, as models give.
std::vector<float> MakeLogits(uint64_t seed) {
  std::vector<float> logits(kVocab);
  for (size_t i = 0; i < kVocab; ++i) {
    double sum = -6;
    for (uint64_t j = 0; j < 12; ++j) sum += UniformAt(seed, i * 12 + j);
    logits[i] = static_cast<float>(2.5 * sum);
  }
  for (uint64_t i = 0; i < 20; ++i) {
    logits[RandomBitsAt(seed + 1, i) % kVocab] = 18.0f - 0.5f * static_cast<float>(i);
  }
  return logits;
}

size_t Argmax(const std::vector<float>& logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}

// Median time of one token.
template <class Fn>
double Median(Fn fn) {
  std::vector<double> times;
  for (int i = 0; i < kTokens; ++i) {
    const double start = Now();
    fn(i);
    times.push_back(Now() - start);
  }
  std::nth_element(times.begin(), times.begin() + kTokens / 2, times.end());
  return times[kTokens / 2];
}

struct Case {
  const char* name;
  SamplingParams params;
};

std::vector<Case> Cases() {
  const auto with = [](auto set) {
    SamplingParams p{.temperature = 0.8f, .seed = 1};
    set(p);
    return p;
  };
  const auto full = [](SamplingParams& p) {
    p.top_k = 40;
    p.top_p = 0.95f;
    p.min_p = 0.05f;
    p.typical_p = 0.95f;
    p.top_n_sigma = 4;
    p.dynatemp_range = 0.3f;
    p.xtc_probability = 0.5f;
    p.repeat_penalty = 1.1f;
    p.frequency_penalty = p.presence_penalty = 0.1f;
    p.dry_multiplier = 0.8f;
    p.logit_bias = {{7, 1.0f}};
    p.banned_sequences = {{1, 2, 3}};
    p.min_tokens = 10;
  };
  return {
      {"greedy", SamplingParams{}},
      {"temperature only", with([](auto&) {})},
      {"top-k 40", with([](auto& p) { p.top_k = 40; })},
      {"top-p 0.95", with([](auto& p) { p.top_p = 0.95f; })},
      {"min-p 0.05", with([](auto& p) { p.min_p = 0.05f; })},
      {"typical 0.95", with([](auto& p) { p.typical_p = 0.95f; })},
      {"top-n-sigma 4", with([](auto& p) { p.top_n_sigma = 4; })},
      {"mirostat 1", with([](auto& p) { p.mirostat = 1; })},
      {"mirostat 2", with([](auto& p) { p.mirostat = 2; })},
      {"DRY, 4096 tokens", with([](auto& p) {
         p.top_k = 40;
         p.dry_multiplier = 0.8f;
       })},
      {"full chain", with(full)},
      {"full chain, no top-k", with([&](auto& p) {
         full(p);
         p.top_k = 0;
         p.top_n_sigma = 0;
       })},
      {"greedy, 20 log-probs", SamplingParams{.log_probs = 20}},
  };
}

}  // namespace

int main() {
  const KernelTable* kernels = SelectKernelTable();
  if (kernels == nullptr) return 1;
  std::vector<std::vector<float>> rows;
  for (uint64_t i = 0; i < kRows; ++i) rows.push_back(MakeLogits(100 + i));
  const auto row = [&](int i) -> const std::vector<float>& { return rows[size_t(i) % kRows]; };
  std::vector<TokenId> prompt;
  for (uint64_t i = 0; i < 4096; ++i) {
    prompt.push_back(static_cast<TokenId>(RandomBitsAt(9, i) % 300));
  }
  volatile size_t sink = 0;
  const double argmax = Median([&](int i) { sink = Argmax(row(i)); });
  std::printf("%zu tokens, kernels %s; median of %d\n", kVocab, kernels->name, kTokens);
  std::printf("%-22s %9.0f us\n", "argmax", argmax);
  for (const Case& c : Cases()) {
    Sampler sampler(c.params, *kernels, {.prompt = prompt});
    const double time = Median([&](int i) { sampler.Accept(sampler.Sample(row(i), i).id); });
    std::printf("%-22s %9.0f us  %5.1f x argmax\n", c.name, time, time / argmax);
  }
  return 0;
}
