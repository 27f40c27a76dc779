#include "engine/engine_stats.h"

#include <algorithm>
#include <numeric>

namespace tael {

void StepHistogram::Add(double step_seconds) {
  const auto* bound = std::lower_bound(kBounds.begin(), kBounds.end(), step_seconds);
  ++counts[static_cast<size_t>(bound - kBounds.begin())];
  seconds += step_seconds;
}

int64_t StepHistogram::steps() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

void TokenRate::Add(int64_t tokens, double seconds) {
  constexpr double kRemembered = 10;  // seconds after which a third is left
  seconds = std::max(0.0, seconds);
  const double kept = kRemembered / (kRemembered + seconds);
  tokens_ = tokens_ * kept + static_cast<double>(tokens);
  seconds_ = seconds_ * kept + seconds;
}

}  // namespace tael
