#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace tael {
namespace {

struct Candidate {
  TokenId id;
  float logit;
};

// Higher logit first; the lower id on ties, so that the order is total.
bool Before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

TokenId Greedy(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<TokenId>(best);
}

std::vector<Candidate> SortedCandidates(std::span<const float> logits, int top_k) {
  std::vector<Candidate> candidates(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) candidates[i] = {static_cast<TokenId>(i), logits[i]};
  const size_t keep =
      top_k > 0 ? std::min(logits.size(), static_cast<size_t>(top_k)) : logits.size();
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(keep),
                    candidates.end(), Before);
  candidates.resize(keep);
  return candidates;
}

// How many of the best candidates stay under top_p and min_p. `weights` are in falling order.
size_t CountKept(const std::vector<float>& weights, double total, const SamplingParams& params) {
  size_t kept = weights.size();
  if (params.top_p < 1.0f) {
    double sum = 0;
    for (kept = 0; kept < weights.size();) {
      sum += static_cast<double>(weights[kept++]);
      if (sum >= static_cast<double>(params.top_p) * total) break;
    }
  }
  while (kept > 1 && weights[kept - 1] < params.min_p * weights[0]) --kept;
  return kept;
}

}  // namespace

void Validate(const SamplingParams& params) {
  const auto check = [](const char* name, float value, float low, float high) {
    if (!(value >= low && value <= high)) {
      Fail(ErrorCode::kInvalidArgument, "{} is {}, needed {} to {}", name, value, low, high);
    }
  };
  check("temperature", params.temperature, 0.0f, 100.0f);
  check("top_p", params.top_p, 0.0f, 1.0f);
  check("min_p", params.min_p, 0.0f, 1.0f);
  if (params.top_k < 0) {
    Fail(ErrorCode::kInvalidArgument, "top_k is {}, needed 0 (off) or more", params.top_k);
  }
}

TokenId Sample(std::span<const float> logits, const SamplingParams& params, int64_t position,
               const KernelTable& kernels) {
  TAEL_CHECK(!logits.empty());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) {
      Fail(ErrorCode::kCorrupt,
           "the model computed NaN for token {}. Hint: `tael inspect --deep` looks for damaged "
           "weights",
           i);
    }
  }
  if (params.temperature <= 0) return Greedy(logits);
  const std::vector<Candidate> candidates = SortedCandidates(logits, params.top_k);
  std::vector<float> weights;
  for (const Candidate& c : candidates) weights.push_back(c.logit / params.temperature);
  kernels.softmax_numerators(weights.data(), weights.size());
  double total = 0;
  for (const float w : weights) total += static_cast<double>(w);
  const size_t kept = CountKept(weights, total, params);
  const double kept_total =
      std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(kept), 0.0);
  double point = UniformAt(params.seed, static_cast<uint64_t>(position)) * kept_total;
  for (size_t i = 0; i < kept; ++i) {
    point -= static_cast<double>(weights[i]);
    if (point < 0) return candidates[i].id;
  }
  return candidates[kept - 1].id;
}

}  // namespace tael
