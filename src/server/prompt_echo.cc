#include "server/prompt_echo.h"

#include "base/error.h"

namespace tael {

std::string BytesOf(const Tokenizer& tokenizer, TokenId id) {
  std::string bytes;
  tokenizer.AppendTokenBytes(id, /*first=*/false, bytes);
  return bytes;
}

AnswerToken ToAnswerToken(const Tokenizer& tokenizer, const TokenLogProbs& log_probs) {
  AnswerToken token;
  token.picked = {BytesOf(tokenizer, log_probs.chosen.id), log_probs.chosen.log_prob};
  for (const TokenLogProb& best : log_probs.top) {
    token.best.push_back({BytesOf(tokenizer, best.id), best.log_prob});
  }
  return token;
}

void PromptEcho::OnLogits(int position, std::span<const float> logits) {
  const auto next = static_cast<size_t>(position) + 1;
  if (next < prompt_.size()) found_[next] = ComputeLogProbs(logits, prompt_[next], *wanted_);
}

AnswerEvent PromptEcho::Event(const Tokenizer& tokenizer, int choice) const {
  AnswerEvent event;
  event.choice = choice;
  event.text = text_;
  for (size_t i = 0; i < found_.size(); ++i) {
    if (i > 0 && !found_[i]) Fail(ErrorCode::kInternal, "prompt token {} was not evaluated", i);
    if (found_[i]) {
      event.tokens.push_back(ToAnswerToken(tokenizer, *found_[i]));
    } else {
      event.tokens.push_back(
          {.picked = {.token = BytesOf(tokenizer, prompt_[i])}, .predicted = false});
    }
  }
  return event;
}

}  // namespace tael
