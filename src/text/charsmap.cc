// Walks the double array; every index is checked, because the blob comes from a file.
#include "text/charsmap.h"

#include <cstring>

#include "base/error.h"

namespace tael {
namespace {

// Fields of a unit of the double array (the format of the darts-clone library).
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFFu; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FFu; }
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }

}  // namespace

CharsMap::CharsMap(std::string_view blob, std::string_view where) {
  if (blob.empty()) return;
  uint32_t size = 0;
  if (blob.size() >= 4) std::memcpy(&size, blob.data(), 4);
  if (blob.size() < 4 || size % 4 != 0 || size == 0 || size > blob.size() - 4) {
    Fail(ErrorCode::kCorrupt, "{}: precompiled_charsmap of {} bytes says its trie has {} bytes",
         where, blob.size(), size);
  }
  units_.resize(size / 4);
  std::memcpy(units_.data(), blob.data() + 4, size);
  replacements_ = blob.substr(4 + size);
}

std::optional<CharsMap::Match> CharsMap::Longest(std::string_view text) const {
  std::optional<Match> best;
  if (units_.empty()) return best;
  size_t at = Offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    at ^= byte;
    if (byte == 0 || at >= units_.size()) break;
    const uint32_t unit = units_[at];
    if (Label(unit) != byte) break;
    at ^= Offset(unit);
    if (at >= units_.size()) break;
    if (!HasLeaf(unit)) continue;
    const uint32_t begin = Value(units_[at]);
    if (begin >= replacements_.size()) continue;
    const size_t end = replacements_.find('\0', begin);
    const size_t length = (end == std::string::npos ? replacements_.size() : end) - begin;
    best = Match{i + 1, std::string_view(replacements_).substr(begin, length)};
  }
  return best;
}

}  // namespace tael
