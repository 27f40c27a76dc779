// Token texts by id and ids by text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

using TokenId = int32_t;

// A fast hash of short byte strings; not stable between versions.
uint64_t HashBytes(std::string_view bytes);

// Append-only; texts live in one arena. Not thread-safe while growing.
class Vocabulary {
 public:
  // Ids above this are refused: no vocabulary is near it, and a hostile file must not allocate
  // much.
  static constexpr TokenId kMaxId = (1 << 22) - 1;

  void Reserve(size_t tokens, size_t text_bytes);

  // Sets the text of `id`; the last id set with a text owns that text. Throws kCorrupt for an id
  // out of range or set twice; `where` names the file.
  void Set(TokenId id, std::string_view text, std::string_view where);

  std::optional<TokenId> Find(std::string_view text) const;
  bool Has(TokenId id) const {
    return id >= 0 && id < size() && entries_[static_cast<size_t>(id)].length != kAbsent;
  }
  // REQUIRES: Has(id).
  std::string_view Text(TokenId id) const {
    const Entry& entry = entries_[static_cast<size_t>(id)];
    return std::string_view(arena_).substr(entry.offset, entry.length);
  }
  int size() const { return static_cast<int>(entries_.size()); }  // highest id + 1

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  struct Entry {
    uint32_t offset = 0, length = kAbsent;
  };
  struct Slot {
    uint32_t tag = 0;
    TokenId id = -1;
  };
  size_t FindSlot(std::string_view text, uint64_t hash) const;
  void Grow(size_t slots);

  std::string arena_;
  std::vector<Entry> entries_;  // by id
  std::vector<Slot> slots_;     // open addressing, size a power of two
  size_t used_ = 0;
};

}  // namespace tael
