// Edges of the trie in one hash table.
#include "text/byte_trie.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace tael {

size_t ByteTrie::FindSlot(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  uint64_t hash = key * 0x9E3779B97F4A7C15u;
  hash ^= hash >> 32;
  size_t at = hash & mask;
  while (slots_[at].key != key && slots_[at].key != UINT64_MAX) at = (at + 1) & mask;
  return at;
}

int32_t ByteTrie::Child(int32_t node, uint8_t byte) const {
  if (slots_.empty()) return -1;
  return slots_[FindSlot(static_cast<uint64_t>(node) << 8 | byte)].child;
}

void ByteTrie::Grow(size_t slots) {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
  for (const Slot& slot : old) {
    if (slot.key != UINT64_MAX) slots_[FindSlot(slot.key)] = slot;
  }
}

void ByteTrie::Reserve(size_t bytes) {
  const size_t slots = std::bit_ceil(std::max<size_t>(16, bytes * 2));
  if (slots > slots_.size()) Grow(slots);
}

void ByteTrie::Insert(std::string_view key, int32_t value) {
  if (key.empty()) return;
  first_[static_cast<uint8_t>(key[0])] = true;
  int32_t node = 0;
  for (const char byte : key) {
    if ((values_.size() + 1) * 3 > slots_.size() * 2) Grow(std::max<size_t>(16, slots_.size() * 2));
    const uint64_t edge = static_cast<uint64_t>(node) << 8 | static_cast<uint8_t>(byte);
    Slot& slot = slots_[FindSlot(edge)];
    if (slot.child < 0) {
      slot = {edge, static_cast<int32_t>(values_.size())};
      values_.push_back(-1);
    }
    node = slot.child;
  }
  values_[static_cast<size_t>(node)] = value;
}

}  // namespace tael
