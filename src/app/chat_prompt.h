// From messages to the ids of a prompt, and to how its answer is read.
#pragma once

#include <optional>
#include <vector>

#include "app/answer_text.h"
#include "app/model_flags.h"
#include "dialect/thinking.h"
#include "text/chat_template.h"

namespace tael {

// How one model talks: its template, and what it understands about thinking.
class ChatFormat {
 public:
  // Throws kNotFound when the model has no template. `loaded` must outlive it.
  explicit ChatFormat(const LoadedModel& loaded);

  struct Prompt {
    std::vector<TokenId> ids;
    AnswerStyle style;                  // without stop strings
    std::vector<TokenId> interjection;  // ends the reasoning, for Verdict::kInterject
  };
  // Throws what the template throws, and kUnsupported for a wish that the model has no switch for.
  Prompt MakePrompt(Json messages, const ThinkingWish& wish) const;

  const ThinkingStyle& thinking() const { return thinking_; }

 private:
  const LoadedModel& loaded_;
  std::string source_;
  ChatTemplate template_;
  ThinkingStyle thinking_;
};

}  // namespace tael
