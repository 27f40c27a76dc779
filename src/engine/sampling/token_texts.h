// The bytes every token adds to a text, for stages that think in strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace tael {

// Immutable: safe from several threads. About 10 bytes per token.
class TokenTexts {
 public:
  // As the tokenizer would write each token in the middle of a text; "" for special tokens, which
  // give no text.
  explicit TokenTexts(const Tokenizer& tokenizer);
  explicit TokenTexts(const std::vector<std::string>& texts);

  TokenId size() const { return static_cast<TokenId>(begins_.size() - 1); }
  // "" for ids that the tokenizer does not know.
  std::string_view operator[](TokenId id) const;

 private:
  void Append(std::string_view text);

  std::string bytes_;
  std::vector<uint32_t> begins_ = {0};  // [size() + 1] in bytes_
};

// Token sequences at which a text contains one of `strings`: every single token whose text contains
// it, and the tokens the tokenizer itself makes of it. Complete for strings of one byte; a longer
// one may also arise from other tokens that are not listed.
std::vector<std::vector<TokenId>> BreakerSequences(const std::vector<std::string>& strings,
                                                   const TokenTexts& texts,
                                                   const Tokenizer& tokenizer);

}  // namespace tael
