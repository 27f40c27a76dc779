#include "engine/sampling/truncation.h"

#include <cmath>
#include <optional>

#include "base/exact_math.h"

namespace tael {

void KeepTopK(int k, Candidates& candidates) { candidates.KeepBest(static_cast<size_t>(k)); }

void KeepTopP(float p, Candidates& candidates) {
  const auto [weights, total] = candidates.SortHead(static_cast<double>(p));
  const double wanted = static_cast<double>(p) * total;
  double sum = 0;
  size_t kept = 0;
  do {
    sum += static_cast<double>(weights[kept++]);
  } while (kept < weights.size() && sum < wanted);
  candidates.KeepRange(0, kept);
}

void KeepMinP(float p, Candidates& candidates) {
  // p(i) >= p * max p <=> logit >= highest + ln p.
  if (p <= 0) return;
  const double margin = ExactLog(static_cast<double>(p));
  candidates.KeepLogitsFrom(static_cast<float>(static_cast<double>(candidates.highest()) + margin));
}

void KeepTypical(float p, Candidates& candidates) {
  candidates.SortBestFirst();
  const Candidates::Weights w = candidates.ComputeWeights();
  const double entropy = candidates.Entropy(w);
  const double offset = ExactLog(w.total) + static_cast<double>(candidates.highest()) - entropy;
  // Negative for candidates more probable than the entropy says; rises with the index.
  const auto deviation = [&](size_t i) {
    return offset - static_cast<double>(candidates[i].logit);
  };
  size_t end = 0;
  while (end < candidates.size() && deviation(end) < 0) ++end;
  size_t begin = end;
  double sum = 0;
  do {
    const bool better =
        begin > 0 && (end == candidates.size() || -deviation(begin - 1) <= deviation(end));
    sum += static_cast<double>(w.weights[better ? --begin : end++]);
  } while (sum < static_cast<double>(p) * w.total && end - begin < candidates.size());
  candidates.KeepRange(begin, end);
}

void KeepTopNSigma(float n, Candidates& candidates) {
  const auto count = static_cast<double>(candidates.size());
  double mean = 0, variance = 0;
  for (size_t i = 0; i < candidates.size(); ++i) mean += static_cast<double>(candidates[i].logit);
  mean /= count;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const double distance = static_cast<double>(candidates[i].logit) - mean;
    variance += distance * distance;
  }
  const double sigma = std::sqrt(variance / count);
  candidates.KeepLogitsFrom(static_cast<float>(static_cast<double>(candidates.highest()) -
                                               static_cast<double>(n) * sigma));
}

void ExcludeTopChoices(float threshold, Candidates& candidates) {
  const auto [weights, total] = candidates.ComputeWeights();
  const double least = static_cast<double>(threshold) * total;
  std::optional<Candidate> last;  // of those that reach the threshold
  for (size_t i = 0; i < weights.size(); ++i) {
    if (static_cast<double>(weights[i]) < least) continue;
    if (!last || Before(*last, candidates[i])) last = candidates[i];
  }
  if (last) candidates.DropBefore(*last);
}

}  // namespace tael
