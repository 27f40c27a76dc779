// Matching of added tokens, with the details of Hugging Face's library: a match that single_word
// rejects is skipped, stripping never reaches into the match before.
#include "text/added_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unicode.h"

namespace tael {
namespace {

// Bounds the work per position of the text; real tokens have at most some dozens of bytes.
constexpr size_t kMaxTokenBytes = 4096;

// The class of the character that ends at `end` or begins at `begin`.
uint16_t ClassBefore(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
  return unicode::ClassOf(DecodeUtf8(text, begin).value);
}
uint16_t ClassAt(std::string_view text, size_t begin) {
  return unicode::ClassOf(DecodeUtf8(text, begin).value);
}

bool IsSingleWord(std::string_view text, size_t begin, size_t end) {
  const bool word_before = begin > 0 && (ClassBefore(text, begin) & unicode::kWord) != 0;
  const bool word_after = end < text.size() && (ClassAt(text, end) & unicode::kWord) != 0;
  return !word_before && !word_after;
}

size_t SkipSpacesBack(std::string_view text, size_t end, size_t limit) {
  while (end > limit && (ClassBefore(text, end) & unicode::kSpace) != 0) {
    --end;
    while (end > limit && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  }
  return end;
}

size_t SkipSpaces(std::string_view text, size_t begin) {
  while (begin < text.size() && (ClassAt(text, begin) & unicode::kSpace) != 0) {
    begin += static_cast<size_t>(DecodeUtf8(text, begin).length);
  }
  return begin;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer,
                         std::string_view where)
    : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    if (token.id < 0 || token.id > Vocabulary::kMaxId) {
      Fail(ErrorCode::kCorrupt, "{}: added token '{}' has id {}, needed 0..{}", where,
           token.content.substr(0, 100), token.id, Vocabulary::kMaxId);
    }
    if (token.content.size() > kMaxTokenBytes) {
      Fail(ErrorCode::kUnsupported, "{}: added token {} has {} bytes; at most {} are supported",
           where, token.id, token.content.size(), kMaxTokenBytes);
    }
    if (!by_id_.emplace(token.id, i).second) {
      Fail(ErrorCode::kCorrupt, "{}: two added tokens have the id {}", where, token.id);
    }
    by_content_.emplace(token.content, i);
    max_id_ = std::max(max_id_, token.id);
    has_harmless_ = has_harmless_ || token.harmless;
    if (!token.normalized) {
      raw_.Insert(token.content, static_cast<int32_t>(i));
      continue;
    }
    TrackedText content{token.content, ""};
    if (!token.harmless) ApplyNormalizer(normalizer, content, SectionPlace{});
    if (content.text.size() <= 2 * kMaxTokenBytes) {
      normalized_.Insert(content.text, static_cast<int32_t>(i));
    }
  }
}

AddedTokens AddedTokens::OnlyHarmless(const Normalizer& normalizer, std::string_view where) const {
  std::vector<AddedToken> kept;
  std::copy_if(tokens_.begin(), tokens_.end(), std::back_inserter(kept),
               [](const AddedToken& token) { return token.harmless; });
  return AddedTokens(std::move(kept), normalizer, where);
}

const AddedToken* AddedTokens::ById(TokenId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::ByContent(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

int AddedTokens::Longest(const ByteTrie& trie, std::string_view text, std::string_view trust,
                         size_t at, size_t* length) const {
  int best = -1;
  trie.VisitPrefixes(text.substr(at), [&](size_t size, int32_t index) {
    const bool trusted = trust.empty() || tokens_[static_cast<size_t>(index)].harmless ||
                         trust.substr(at, size).find('\0') == std::string_view::npos;
    if (!trusted) return;
    best = index;
    *length = size;
  });
  return best;
}

std::vector<AddedMatch> AddedTokens::Find(const ByteTrie& trie, std::string_view text,
                                          std::string_view trust) const {
  std::vector<AddedMatch> matches;
  if (trie.empty()) return matches;
  size_t done = 0;  // end of the last match, with the spaces it took
  for (size_t i = 0; i < text.size();) {
    if (!trie.StartsKey(static_cast<uint8_t>(text[i]))) {
      ++i;
      continue;
    }
    size_t length = 0;
    const int index = Longest(trie, text, trust, i, &length);
    if (index < 0) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    size_t begin = i, end = i + length;
    i = end;
    if (begin < done || (token.single_word && !IsSingleWord(text, begin, end))) continue;
    if (token.lstrip) begin = SkipSpacesBack(text, begin, done);
    if (token.rstrip) end = SkipSpaces(text, end);
    matches.push_back({begin, end, token.id, token.special});
    done = end;
  }
  return matches;
}

}  // namespace tael
