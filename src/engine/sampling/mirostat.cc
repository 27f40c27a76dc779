#include "engine/sampling/mirostat.h"

#include <algorithm>
#include <cmath>

#include "base/exact_math.h"

namespace tael {
namespace {

constexpr double kLn2 = 0x1.62e42fefa39efp-1;

// Exponent of the Zipf law p(rank) ~ rank^-s by least squares over the 100 best, as in algorithm 1
// of the paper. REQUIRES: sorted.
double EstimateZipfExponent(const Candidates& candidates) {
  const size_t best = std::min<size_t>(candidates.size(), 100);
  double numerator = 0, denominator = 0;
  for (size_t i = 0; i + 1 < best; ++i) {
    const auto rank = static_cast<double>(i + 1);
    const double t = ExactLog((rank + 1) / rank);
    const double b = static_cast<double>(candidates[i].logit) -
                     static_cast<double>(candidates[i + 1].logit);  // ln(p_i / p_(i+1))
    numerator += t * b;
    denominator += t * t;
  }
  return denominator > 0 ? numerator / denominator : 1.0;
}

// k such that top-k sampling from a Zipf law over n tokens has a surprise of mu bits (algorithm 1),
// rounded, plus one as the authors' program has it; at least 1, at most n.
size_t EstimateTopK(double s, double n, double mu) {
  constexpr double kFlat = 1e-3;  // below, the power overflows: everything or the best one is kept
  s = std::max(s, kFlat);
  const double epsilon = s - 1;
  const double ln_n = ExactLog(std::max(n, 2.0));
  // (1 - n^-epsilon) / epsilon tends to ln n.
  const double scale = std::fabs(epsilon) < 1e-9 ? ln_n : (1 - ExactExp(-epsilon * ln_n)) / epsilon;
  const double k = ExactExp((mu * kLn2 - ExactLog(scale)) / s);
  return static_cast<size_t>(std::clamp(std::nearbyint(k) + 1, 1.0, n));
}

}  // namespace

Mirostat::Pick Mirostat::Draw(Candidates& candidates, double uniform) const {
  if (version_ == 1) candidates.SortBestFirst();
  // -log2 p = (ln(total) + highest - logit) / ln 2, of the distribution before the cut.
  const double offset =
      ExactLog(candidates.ComputeWeights().total) + static_cast<double>(candidates.highest());
  if (version_ == 1) {
    candidates.KeepBest(EstimateTopK(EstimateZipfExponent(candidates),
                                     static_cast<double>(candidates.size()), mu_));
  } else {
    // Surprise <= mu, as a bound of the logit; the best candidate stays in any case.
    const auto low = static_cast<float>(offset - mu_ * kLn2);
    candidates.KeepLogitsFrom(std::min(low, candidates.highest()));
  }
  const Candidate& chosen = candidates[candidates.Draw(uniform)];
  return {chosen.id, (offset - static_cast<double>(chosen.logit)) / kLn2};
}

}  // namespace tael
