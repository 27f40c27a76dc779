#include "adapt/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "kernels/block_encoders.h"

namespace tael {

PlanSummary Summarise(const std::vector<PlannedTensor>& plan, const Importance* importance) {
  PlanSummary summary;
  std::map<DType, TypeCount> types;
  std::map<std::pair<DType, DType>, int64_t> fallbacks;
  for (const PlannedTensor& tensor : plan) {
    TypeCount& count = types[tensor.to];
    count.type = tensor.to;
    ++count.tensors;
    count.bytes += tensor.bytes();
    summary.bytes += tensor.bytes();
    summary.bytes_before += tensor.bytes_before();
    int64_t weights = 1;
    for (const int64_t size : tensor.shape) weights *= size;
    summary.weights += weights;
    if (tensor.wanted != tensor.to) ++fallbacks[{tensor.wanted, tensor.to}];
    if (tensor.to == tensor.from) continue;
    if (Info(tensor.from).block_size > 1) ++summary.requantised;
    if (importance != nullptr && CanSearch(tensor.to) &&
        !importance->tensors.contains(tensor.name)) {
      ++summary.without_importance;
    }
  }
  for (const auto& [type, count] : types) summary.types.push_back(count);
  std::stable_sort(summary.types.begin(), summary.types.end(),
                   [](const TypeCount& a, const TypeCount& b) { return a.bytes > b.bytes; });
  for (const auto& [change, count] : fallbacks) {
    summary.fallbacks.push_back(
        fmt::format("{} x {} -> {}", count, Name(change.first), Name(change.second)));
  }
  return summary;
}

}  // namespace tael
