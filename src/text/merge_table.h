// Which adjacent pairs of tokens merge, in what order, into what.
#pragma once

#include <cstdint>
#include <vector>

#include "text/vocabulary.h"

namespace tael {

struct Merge {
  uint32_t rank = UINT32_MAX;  // lower merges first; UINT32_MAX = no such merge
  TokenId result = -1;
};

// Open addressing over pairs of ids.
class MergeTable {
 public:
  void Reserve(size_t merges);
  // A later merge of the same pair replaces the earlier one. REQUIRES: ids >= 0.
  void Add(TokenId left, TokenId right, Merge merge);

  Merge Find(TokenId left, TokenId right) const {
    if (slots_.empty()) return {};
    const uint64_t key = KeyOf(left, right);
    for (size_t at = HashOf(key) & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return slot.merge;
      if (slot.key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t KeyOf(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static size_t HashOf(uint64_t key) {
    key *= 0x9E3779B97F4A7C15u;
    return key ^ (key >> 31);
  }
  void Grow(size_t slots);

  std::vector<Slot> slots_;  // size a power of two
  size_t mask_ = 0, used_ = 0;
};

}  // namespace tael
