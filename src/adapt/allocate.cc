#include "adapt/allocate.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace tael {
namespace {

double GainPerByte(const TypeOption& from, const TypeOption& to) {
  return (from.cost - to.cost) / static_cast<double>(to.bytes - from.bytes);
}

// Indices of the options on the lower convex hull, by their bytes: each step gains less per byte
// than the one before.
std::vector<size_t> Hull(const std::vector<TypeOption>& options) {
  std::vector<size_t> order(options.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (options[a].bytes != options[b].bytes) return options[a].bytes < options[b].bytes;
    return options[a].cost < options[b].cost;
  });
  std::vector<size_t> hull;
  for (const size_t next : order) {
    if (!hull.empty() && !(options[next].cost < options[hull.back()].cost)) continue;
    while (hull.size() > 1 && GainPerByte(options[hull[hull.size() - 2]], options[hull.back()]) <=
                                  GainPerByte(options[hull.back()], options[next])) {
      hull.pop_back();
    }
    hull.push_back(next);
  }
  return hull;
}

}  // namespace

std::vector<size_t> Allocate(const std::vector<std::vector<TypeOption>>& tensors, int64_t budget) {
  std::vector<std::vector<size_t>> hulls;
  std::vector<size_t> at(tensors.size(), 0);
  int64_t used = 0;
  for (const auto& options : tensors) {
    hulls.push_back(Hull(options));
    used += options[hulls.back()[0]].bytes;
  }
  if (used > budget) {
    Fail(ErrorCode::kInvalidArgument,
         "the smallest types need {} bytes, and {} are to be divided. Hint: a larger size, or "
         "smaller types in --types",
         used, budget);
  }
  std::vector<bool> closed(tensors.size());
  for (;;) {
    size_t best = tensors.size();
    double most = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (closed[i] || at[i] + 1 >= hulls[i].size()) continue;
      const double gain = GainPerByte(tensors[i][hulls[i][at[i]]], tensors[i][hulls[i][at[i] + 1]]);
      if (best == tensors.size() || gain > most) {
        best = i;
        most = gain;
      }
    }
    if (best == tensors.size()) break;
    const auto& options = tensors[best];
    const int64_t more =
        options[hulls[best][at[best] + 1]].bytes - options[hulls[best][at[best]]].bytes;
    if (used + more > budget) {
      closed[best] = true;  // smaller steps of others may still fit
      continue;
    }
    used += more;
    ++at[best];
  }
  std::vector<size_t> chosen;
  chosen.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) chosen.push_back(hulls[i][at[i]]);
  return chosen;
}

}  // namespace tael
