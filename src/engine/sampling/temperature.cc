#include "engine/sampling/temperature.h"

#include <algorithm>

#include "base/exact_math.h"

namespace tael {

void ApplyTemperature(float temperature, Candidates& candidates) { candidates.Divide(temperature); }

float DynamicTemperature(float temperature, float range, float exponent, Candidates& candidates) {
  constexpr double kLowest = 1e-3;
  if (candidates.size() == 1) return temperature;
  const double entropy = candidates.Entropy(candidates.ComputeWeights());
  // Rounding may leave the interval by a little.
  const double share =
      std::clamp(entropy / ExactLog(static_cast<double>(candidates.size())), 0.0, 1.0);
  const auto e = static_cast<double>(exponent);
  const double power = share > 0 ? ExactPow(share, e) : (e == 0 ? 1.0 : 0.0);
  const double low = std::max(0.0, static_cast<double>(temperature) - static_cast<double>(range));
  const double high = static_cast<double>(temperature) + static_cast<double>(range);
  return static_cast<float>(std::max(kLowest, low + (high - low) * power));
}

}  // namespace tael
