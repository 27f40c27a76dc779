// Stages that forbid tokens: logit bias, banned token sequences, banned strings.
#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/sampling/params.h"
#include "engine/sampling/token_texts.h"

namespace tael {

inline constexpr float kBanned = -std::numeric_limits<float>::infinity();

bool EndsWith(std::span<const TokenId> text, std::span<const TokenId> end);

// logit += value, or -infinity for a ban, one entry after the other.
void ApplyLogitBias(std::span<const LogitBias> biases, std::span<float> logits);

// Bans the last token of each sequence whose other tokens end `history`.
void BanSequences(std::span<const std::vector<TokenId>> sequences, std::span<const TokenId> history,
                  std::span<float> logits);

// Keeps byte strings out of an answer, however they are split into tokens: a token is banned
// exactly when its text would complete one of them. What is not covered: a string that begins in
// the prompt, and other spellings (case, Unicode forms). Not thread-safe.
class BannedStrings {
 public:
  // Looks through the whole vocabulary once per string. `texts`, of no more tokens than the model
  // has logits, may be null if `strings` is empty.
  BannedStrings(const std::vector<std::string>& strings, std::shared_ptr<const TokenTexts> texts);

  void Push(TokenId id);  // the next token of the answer
  void Apply(std::span<float> logits) const;

 private:
  struct Entry {
    std::string text;
    // [n]: tokens that begin with the last n bytes of `text`, for 0 < n < its size.
    std::vector<std::vector<TokenId>> endings;
  };

  std::shared_ptr<const TokenTexts> texts_;
  std::vector<Entry> entries_;
  std::vector<TokenId> always_;  // contain a banned string as a whole
  size_t tail_size_ = 0;         // bytes of the answer that can begin a banned string
  std::string tail_;
};

}  // namespace tael
