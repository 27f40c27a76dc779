#include "model/cost_adapters.h"

#include <algorithm>

namespace tael {
namespace {

int64_t BytesOf(size_t floats) { return static_cast<int64_t>(floats * sizeof(float)); }

AdapterCost CostOf(const LowRankChange& change, int64_t rows, int64_t heads) {
  const Weight& other = change.replacement;
  const auto a = static_cast<int64_t>(change.a.size()), b = static_cast<int64_t>(change.b.size());
  return {.bytes = BytesOf(change.a.size() + change.b.size() + change.gains.size()) + other.bytes(),
          .macs = rows * (heads * a + b + other.n * other.k)};
}

}  // namespace

AdapterCost& AdapterCost::operator+=(const AdapterCost& other) {
  bytes += other.bytes;
  macs += other.macs;
  return *this;
}

AdapterCosts::AdapterCosts(const Batch& batch) {
  for (const BatchSequence& sequence : batch.sequences) {
    if (sequence.count == 0) continue;
    const auto is_mine = [&](int32_t row) {
      return row >= sequence.first_row && row < sequence.first_row + sequence.count;
    };
    const int64_t logits = std::count_if(batch.logit_rows.begin(), batch.logit_rows.end(), is_mine);
    for (const AdapterUse& use : sequence.adapters) {
      auto load = std::find_if(loads_.begin(), loads_.end(),
                               [&](const Load& l) { return l.adapter == use.adapter; });
      if (load == loads_.end()) load = loads_.insert(load, {.adapter = use.adapter});
      load->rows += sequence.count;
      load->logit_rows += logits;
    }
  }
}

AdapterCost AdapterCosts::OfMatrix(const MatrixKey& key, int64_t heads) const {
  AdapterCost cost;
  for (const Load& load : loads_) {
    const LowRankChange* change = load.adapter->Find(key);
    if (change != nullptr) cost += CostOf(*change, load.rows, heads);
  }
  return cost;
}

AdapterCost AdapterCosts::OfHead(const Weight& head) const {
  AdapterCost cost;
  for (const Load& load : loads_) {
    const LowRankChange* change = load.adapter->Find(head);
    if (change != nullptr && load.logit_rows > 0) cost += CostOf(*change, load.logit_rows, 1);
  }
  return cost;
}

// Rows are looked up in A and in a replacement; only B is multiplied.
AdapterCost AdapterCosts::OfEmbedding() const {
  AdapterCost cost;
  for (const Load& load : loads_) {
    if (!load.adapter->embedding) continue;
    const LowRankChange& change = *load.adapter->embedding;
    const Weight& table = change.replacement;
    cost.bytes +=
        load.rows * change.rank * static_cast<int64_t>(sizeof(float)) + BytesOf(change.b.size());
    if (!table.empty()) cost.bytes += load.rows * table.bytes() / table.n;
    cost.macs += load.rows * static_cast<int64_t>(change.b.size());
  }
  return cost;
}

AdapterCost AdapterCosts::OfExperts(std::span<const DenseFfnWeights> experts, int64_t active,
                                    int64_t per_token) const {
  AdapterCost all;
  for (const DenseFfnWeights& expert : experts) {
    for (const Weight* w : {&expert.gate, &expert.up, &expert.down}) all += OfMatrix(KeyOf(*w));
  }
  const auto count = static_cast<int64_t>(experts.size());
  return {.bytes = all.bytes * active / count, .macs = all.macs * per_token / count};
}

}  // namespace tael
