// Repetition, frequency and presence penalties over the last tokens of a sequence.
#pragma once

#include <deque>
#include <span>
#include <unordered_map>
#include <utility>

#include "engine/sampling/params.h"

namespace tael {

// Counts tokens in a window that moves with the sequence. Not thread-safe.
class Penalties {
 public:
  explicit Penalties(const SamplingParams& params);

  bool active() const { return active_; }

  // The next token of the sequence; `generated` when it belongs to the answer.
  void Push(TokenId id, bool generated);

  // In float32, once per token that the window holds:
  //   logit = logit > 0 ? logit / repeat : logit * repeat
  //   logit = logit - (frequency * n + presence) if the answer's part holds it n > 0 times
  // Sources: Keskar et al., arXiv:1909.05858 (repeat; its sign rule is the usual correction);
  // OpenAI's API reference (frequency, presence).
  void Apply(std::span<float> logits) const;

 private:
  struct Counts {
    int all = 0, generated = 0;
  };

  float repeat_, frequency_, presence_;
  int last_n_;  // -1 = everything
  bool active_;
  std::unordered_map<TokenId, Counts> counts_;
  std::deque<std::pair<TokenId, bool>> window_;  // empty when everything counts
};

}  // namespace tael
