#include "tensor/adapter.h"

#include <algorithm>

namespace tael {
namespace {

bool IsPlainSum(const LowRankChange& change) {
  return change.gains.empty() && change.replacement.empty();
}

int64_t BytesOf(const LowRankChange& change) {
  const size_t numbers = change.a.size() + change.b.size() + change.gains.size();
  return static_cast<int64_t>(numbers * sizeof(float)) + change.replacement.bytes();
}

}  // namespace

bool Adapter::IsSum() const {
  return (!embedding || IsPlainSum(*embedding)) &&
         std::all_of(products.begin(), products.end(),
                     [](const auto& entry) { return IsPlainSum(entry.second); });
}

int64_t Adapter::bytes() const {
  int64_t sum = embedding ? BytesOf(*embedding) : 0;
  for (const auto& [data, change] : products) sum += BytesOf(change);
  return sum;
}

int64_t Adapter::max_rank() const {
  int64_t rank = embedding ? embedding->rank : 0;
  for (const auto& [data, change] : products) rank = std::max(rank, change.rank);
  return rank;
}

}  // namespace tael
