// DRY: penalises tokens that would continue a repetition of what was already written.
// Source: "Don't repeat yourself" sampler, P. E. Weidmann 2024 (text-generation-webui, pull request
// 5677).
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "engine/sampling/params.h"

namespace tael {

// Not thread-safe.
class Dry {
 public:
  explicit Dry(const SamplingParams& params);

  bool active() const { return multiplier_ > 0 && last_n_ != 0; }

  // `id` is about to be put behind `history`.
  void Push(std::span<const TokenId> history, TokenId id);

  // With n(t) the longest run of tokens that ends the window, stands in it once more before a token
  // t, and has no breaker in it: logit(t) -= multiplier * base^(n(t) - allowed_length), at most
  // 1e6, where n(t) >= allowed_length. Tokens that complete a breaker are spared. Linear in the
  // window. REQUIRES: Push() saw every token of `history`.
  void Apply(std::span<const TokenId> history, std::span<float> logits) const;

 private:
  bool CompletesBreaker(std::span<const TokenId> history, TokenId id) const;

  double multiplier_, base_;
  int allowed_length_, last_n_;
  // Last token of a breaker -> its tokens before.
  std::unordered_multimap<TokenId, std::vector<TokenId>> breakers_;
  size_t unbroken_ = 0;  // tokens since the last breaker
};

}  // namespace tael
