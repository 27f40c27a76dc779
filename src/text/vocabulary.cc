// Open addressing with linear probing over an arena of texts.
#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace tael {

uint64_t HashBytes(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  uint64_t hash = bytes.size() * kMultiplier;
  const char* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; data += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  }
  if (left != 0) {
    uint64_t word = 0;
    std::memcpy(&word, data, left);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  }
  hash *= kMultiplier;
  return hash ^ (hash >> 29);
}

void Vocabulary::Reserve(size_t tokens, size_t text_bytes) {
  tokens = std::min(tokens, static_cast<size_t>(kMaxId) + 1);
  entries_.reserve(tokens);
  arena_.reserve(text_bytes);
  if (tokens * 2 > slots_.size()) Grow(std::bit_ceil(tokens * 2));
}

size_t Vocabulary::FindSlot(std::string_view text, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id < 0 || (slot.tag == tag && Text(slot.id) == text)) return at;
  }
}

void Vocabulary::Grow(size_t slots) {
  slots_.assign(std::max<size_t>(slots, 64), Slot{});
  used_ = 0;
  for (TokenId id = 0; id < size(); ++id) {
    if (!Has(id)) continue;
    const uint64_t hash = HashBytes(Text(id));
    Slot& slot = slots_[FindSlot(Text(id), hash)];
    if (slot.id < 0) ++used_;
    slot = {static_cast<uint32_t>(hash >> 32), id};
  }
}

void Vocabulary::Set(TokenId id, std::string_view text, std::string_view where) {
  if (id < 0 || id > kMaxId) {
    Fail(ErrorCode::kCorrupt, "{}: token id {} is out of range 0..{}", where, id, kMaxId);
  }
  if (Has(id)) {
    Fail(ErrorCode::kCorrupt, "{}: id {} belongs to two tokens, '{}' and '{}'", where, id, Text(id),
         text.substr(0, 100));
  }
  if (arena_.size() + text.size() > UINT32_MAX / 2) {
    Fail(ErrorCode::kCorrupt, "{}: the token texts take more than 2 GiB", where);
  }
  if (id >= size()) entries_.resize(static_cast<size_t>(id) + 1);
  if ((used_ + 1) * 3 > slots_.size() * 2) Grow(slots_.size() * 2);
  entries_[static_cast<size_t>(id)] = {static_cast<uint32_t>(arena_.size()),
                                       static_cast<uint32_t>(text.size())};
  arena_.append(text);
  const uint64_t hash = HashBytes(text);
  Slot& slot = slots_[FindSlot(text, hash)];
  if (slot.id < 0) ++used_;
  slot = {static_cast<uint32_t>(hash >> 32), id};
}

std::optional<TokenId> Vocabulary::Find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const TokenId id = slots_[FindSlot(text, HashBytes(text))].id;
  if (id < 0) return std::nullopt;
  return id;
}

}  // namespace tael
