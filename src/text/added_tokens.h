// Added tokens: strings recognised in the text before the model sees it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/byte_trie.h"
#include "text/normalizer.h"
#include "text/vocabulary.h"

namespace tael {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool single_word = false;             // only where no word character touches it
  bool lstrip = false, rstrip = false;  // swallows the white space beside it
  bool normalized = false;              // looked for in the normalised text, itself normalised
  bool special = false;                 // left out when decoding skips special tokens
  // Plain text whoever wrote it (runs of blanks): recognised in untrusted text too, and with
  // `normalized` as it is spelled.
  bool harmless = false;
};

struct AddedMatch {
  size_t begin = 0, end = 0;
  TokenId id = 0;
  bool special = false;
};

// Immutable after construction; safe from several threads.
class AddedTokens {
 public:
  AddedTokens() = default;
  // Throws kCorrupt (two tokens with one id, id out of range), kUnsupported (very long tokens).
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer, std::string_view where);

  // Leftmost-longest matches in `text`, in order, without overlap: first the tokens that are looked
  // for in raw text, or those looked for in normalised text. `trust` as in TrackedText; a token
  // that is not harmless matches only where all its own characters are trusted.
  std::vector<AddedMatch> FindRaw(std::string_view text, std::string_view trust) const {
    return Find(raw_, text, trust);
  }
  std::vector<AddedMatch> FindNormalized(std::string_view text, std::string_view trust) const {
    return Find(normalized_, text, trust);
  }
  bool has_normalized() const { return !normalized_.empty(); }
  bool has_harmless() const { return has_harmless_; }
  // A copy that knows the harmless tokens only; everything else is plain text.
  AddedTokens OnlyHarmless(const Normalizer& normalizer, std::string_view where) const;

  const AddedToken* ById(TokenId id) const;
  const AddedToken* ByContent(std::string_view content) const;
  const std::vector<AddedToken>& all() const { return tokens_; }
  TokenId max_id() const { return max_id_; }  // -1 when there are none

 private:
  std::vector<AddedMatch> Find(const ByteTrie& trie, std::string_view text,
                               std::string_view trust) const;
  // Index of the longest token at `at` that may match there, -1 for none.
  int Longest(const ByteTrie& trie, std::string_view text, std::string_view trust, size_t at,
              size_t* length) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<TokenId, size_t> by_id_;
  std::unordered_map<std::string, size_t> by_content_;
  ByteTrie raw_, normalized_;  // values are indices of tokens_
  TokenId max_id_ = -1;
  bool has_harmless_ = false;
};

}  // namespace tael
