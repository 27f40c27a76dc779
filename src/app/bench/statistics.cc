#include "app/bench/statistics.h"

#include <algorithm>

namespace tael {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Summary Summarize(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  Summary summary{.median = Median(values), .min = *min, .max = *max, .spread = 0};
  if (summary.median != 0) summary.spread = (summary.max - summary.min) / summary.median;
  return summary;
}

}  // namespace tael
