#include "kv/snapshot_pool.h"

#include <algorithm>

#include "base/error.h"

namespace tael {

std::vector<int> SnapshotPositions(int prompt_tokens) {
  constexpr int kReplacedInTheNextTurn = 16;
  std::vector<int> positions;
  const int last = (prompt_tokens - 1) / kKvBlockPositions * kKvBlockPositions;
  const int before = last - kKvBlockPositions;
  if (before > 0 && prompt_tokens - last < kReplacedInTheNextTurn) positions.push_back(before);
  if (last > 0) positions.push_back(last);
  return positions;
}

SnapshotPool::SnapshotPool(StateSlot first, int count)
    : first_(first), entries_(static_cast<size_t>(count)) {}

SnapshotPool::Entry* SnapshotPool::Find(BlockId block) {
  for (Entry& entry : entries_) {
    if (entry.use == Use::kKept && entry.block == block) return &entry;
  }
  return nullptr;
}

StateSlot SnapshotPool::At(BlockId block) const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].use == Use::kKept && entries_[i].block == block) {
      return first_ + static_cast<StateSlot>(i);
    }
  }
  return kNoState;
}

StateSlot SnapshotPool::Reserve() {
  // Free ones were used before all others.
  const auto age = [](const Entry& entry) {
    return entry.use == Use::kReserved ? UINT64_MAX
                                       : (entry.use == Use::kFree ? 0 : entry.last_used);
  };
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(),
                       [&](const Entry& a, const Entry& b) { return age(a) < age(b); });
  if (oldest == entries_.end() || oldest->use == Use::kReserved) return kNoState;
  *oldest = {.use = Use::kReserved};
  return first_ + static_cast<StateSlot>(oldest - entries_.begin());
}

void SnapshotPool::DropReserved() {
  for (Entry& entry : entries_) {
    if (entry.use == Use::kReserved) entry = {};
  }
}

void SnapshotPool::Keep(StateSlot slot, BlockId block) {
  Entry& entry = entries_[static_cast<size_t>(slot - first_)];
  TAEL_CHECK(entry.use == Use::kReserved);
  if (Find(block) != nullptr) {
    Touch(block);
    return;
  }
  entry = {.use = Use::kKept, .block = block, .last_used = ++clock_};
}

void SnapshotPool::Touch(BlockId block) {
  if (Entry* entry = Find(block)) entry->last_used = ++clock_;
}

void SnapshotPool::Forget(BlockId block) {
  if (Entry* entry = Find(block)) *entry = {};
}

}  // namespace tael
