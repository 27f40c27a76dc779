// The picked tokens of one choice on their way to the events that answers are written from.
#pragma once

#include <string>
#include <vector>

#include "api/answer_event.h"
#include "chat/answer_text.h"
#include "engine/request.h"

namespace tael {

class AnswerBuilder {
 public:
  // `loaded` must outlive it. `log_probs`: text comes with the tokens that it is made of.
  AnswerBuilder(const LoadedModel& loaded, const AnswerStyle& style, int choice, bool log_probs);

  // Appends what became certain with the token.
  Verdict Push(const SampledToken& token, std::vector<AnswerEvent>* events);
  // Appends the rest and the end. REQUIRES: `reason` is not kCancelled.
  void Finish(FinishReason reason, std::vector<AnswerEvent>* events);

  int64_t reasoning_tokens() const { return text_.reasoning_tokens(); }

 private:
  void Take(const DialectEvent& event, std::vector<AnswerEvent>* events);
  AnswerEvent Event(AnswerEvent::Kind kind) const;
  std::vector<AnswerToken> TokensOf(const std::string& text);

  const LoadedModel& loaded_;
  const int choice_;
  const bool log_probs_;
  const bool short_ids_;  // templates of Mistral take no others
  AnswerText text_;
  std::vector<AnswerToken> pending_;  // that no text was made of yet
  bool called_ = false;
};

}  // namespace tael
