// A prompt as the beginning of its answers, with the log-probabilities of its tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/answer_event.h"
#include "chat/loaded_model.h"
#include "engine/sampling/log_probs.h"

namespace tael {

// The bytes that a token stands for within a text.
std::string BytesOf(const Tokenizer& tokenizer, TokenId id);
AnswerToken ToAnswerToken(const Tokenizer& tokenizer, const TokenLogProbs& log_probs);

class PromptEcho {
 public:
  // `log_probs`: of each token but the first, and of so many best ones.
  PromptEcho(std::vector<TokenId> prompt, std::string text, std::optional<int> log_probs)
      : prompt_(std::move(prompt)), text_(std::move(text)), wanted_(log_probs) {
    if (wanted_) found_.resize(prompt_.size());
  }

  bool wants_logits() const { return wanted_.has_value(); }
  // The logits behind token `position` of the prompt.
  void OnLogits(int position, std::span<const float> logits);
  AnswerEvent Event(const Tokenizer& tokenizer, int choice) const;

 private:
  std::vector<TokenId> prompt_;
  std::string text_;
  std::optional<int> wanted_;
  std::vector<std::optional<TokenLogProbs>> found_;  // of each token; none of the first
};

}  // namespace tael
