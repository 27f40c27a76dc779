// Growth and insertion of the merge table.
#include "text/merge_table.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace tael {

void MergeTable::Reserve(size_t merges) {
  const size_t slots = std::bit_ceil(std::max<size_t>(merges, 8) * 2);
  if (slots > slots_.size()) Grow(slots);
}

void MergeTable::Grow(size_t slots) {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
  mask_ = slots - 1;
  for (const Slot& slot : old) {
    if (slot.key == kEmpty) continue;
    size_t at = HashOf(slot.key) & mask_;
    while (slots_[at].key != kEmpty) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void MergeTable::Add(TokenId left, TokenId right, Merge merge) {
  if ((used_ + 1) * 3 > slots_.size() * 2) Grow(std::max<size_t>(16, slots_.size() * 2));
  const uint64_t key = KeyOf(left, right);
  size_t at = HashOf(key) & mask_;
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
  if (slots_[at].key == kEmpty) ++used_;
  slots_[at] = {key, merge};
}

}  // namespace tael
