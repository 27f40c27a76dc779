// Log-probabilities of tokens under the model, before any stage of sampling.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace tael {

struct TokenLogProb {
  TokenId id = 0;
  double log_prob = 0;  // natural logarithm
};

struct TokenLogProbs {
  TokenLogProb chosen;
  std::vector<TokenLogProb> top;  // best first, lowest id on ties; none of probability 0
};

// ln softmax of a row of logits, in double; the sum is SumOfExp()'s. When some logits are
// +infinity, these share the probability and all others have 0; when all are -infinity, all have 0.
// A NaN among the logits makes every finite logit's value NaN.
class LogSoftmax {
 public:
  explicit LogSoftmax(std::span<const float> logits);
  double operator()(float logit) const;
  double highest() const { return highest_; }  // logit
  // The logit that has probability 1: ln(sum of e^logit).
  double log_total() const { return highest_ + log_sum_; }

 private:
  double highest_, log_sum_ = 0;
};

// Of `chosen` and of the `top_n` best tokens. REQUIRES: `logits` [V] without NaN; 0 <= chosen < V.
TokenLogProbs ComputeLogProbs(std::span<const float> logits, TokenId chosen, int top_n);

// Of a prompt: entry i describes tokens[i + 1] after tokens[0..i]. `logits` [T, V], row i those
// after tokens[i]; the last row is not looked at and may be absent. REQUIRES: T > 0.
std::vector<TokenLogProbs> ComputePromptLogProbs(std::span<const float> logits, size_t vocab_size,
                                                 std::span<const TokenId> tokens, int top_n);

}  // namespace tael
