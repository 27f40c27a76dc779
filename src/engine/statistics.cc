#include "engine/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/exact_math.h"

namespace tael {

Estimate MeanOf(std::span<const double> values) {
  TAEL_CHECK(!values.empty());
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double x : values) sum += x;
  const double mean = sum / n;
  if (values.size() < 2) return {mean, 0};
  double squares = 0;
  for (const double x : values) squares += (x - mean) * (x - mean);
  return {mean, std::sqrt(squares / (n - 1) / n)};
}

Estimate RootMeanSquareOf(std::span<const double> values) {
  std::vector<double> squares(values.begin(), values.end());
  for (double& x : squares) x *= x;
  const Estimate mean = MeanOf(squares);
  const double root = std::sqrt(mean.value);
  return {root, root > 0 ? mean.error / (2 * root) : 0};
}

Estimate ExpOf(const Estimate& x) {
  const double value = ExactExp(x.value);
  return {value, value * x.error};
}

Estimate ShareOf(int64_t count, int64_t total) {
  TAEL_CHECK(total > 0);
  const auto n = static_cast<double>(total);
  const double p = static_cast<double>(count) / n;
  return {p, total < 2 ? 0 : std::sqrt(p * (1 - p) / (n - 1))};
}

double Percentile(std::span<const double> sorted, double q) {
  TAEL_CHECK(!sorted.empty());
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = std::min(static_cast<size_t>(at), sorted.size() - 1);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace tael
