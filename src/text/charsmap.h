// SentencePiece's precompiled character map: a double-array trie from byte strings to replacements.
// Format: u32 size of the trie in bytes, the trie's u32 units, then NUL-terminated replacements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

class CharsMap {
 public:
  // Throws kCorrupt when the blob's own sizes do not fit. An empty blob maps nothing.
  CharsMap(std::string_view blob, std::string_view where);

  struct Match {
    size_t length = 0;             // bytes of the text that are replaced
    std::string_view replacement;  // borrows this object
  };
  // The longest key that is a prefix of `text`.
  std::optional<Match> Longest(std::string_view text) const;
  bool empty() const { return units_.empty(); }

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace tael
