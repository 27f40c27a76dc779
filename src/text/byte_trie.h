// A trie over bytes: longest and all prefixes of a text among a set of strings.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tael {

// Not thread-safe while inserting; const afterwards.
class ByteTrie {
 public:
  ByteTrie() { values_.push_back(-1); }

  // Maps `key` to `value` >= 0; a later value of the same key wins. Empty keys are ignored.
  void Insert(std::string_view key, int32_t value);
  void Reserve(size_t bytes);  // an estimate of the keys' total size

  bool empty() const { return values_.size() == 1; }
  // Whether some key begins with this byte.
  bool StartsKey(uint8_t byte) const { return first_[byte]; }

  // Calls visit(length, value) for every key that is a prefix of `text`, shortest first.
  template <typename Visit>
  void VisitPrefixes(std::string_view text, Visit visit) const {
    int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = Child(node, static_cast<uint8_t>(text[i]));
      if (node < 0) return;
      if (values_[static_cast<size_t>(node)] >= 0) visit(i + 1, values_[static_cast<size_t>(node)]);
    }
  }

 private:
  struct Slot {
    uint64_t key = UINT64_MAX;  // node << 8 | byte
    int32_t child = -1;
  };
  int32_t Child(int32_t node, uint8_t byte) const;
  size_t FindSlot(uint64_t key) const;
  void Grow(size_t slots);

  std::array<bool, 256> first_{};
  std::vector<int32_t> values_;  // by node; -1 = inner node
  std::vector<Slot> slots_;      // edges, open addressing, size a power of two
};

}  // namespace tael
