// Whether and how much a model is to think, and what its chat template offers for that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/reasoning_tags.h"
#include "text/chat_template.h"

namespace tael {

// What a user asks for. Everything unset: as the model does by itself.
struct ThinkingWish {
  std::optional<bool> on;
  std::optional<std::string> effort;  // "low", "medium", "high"
  std::optional<int> budget;          // tokens of reasoning, then it is closed; 0 or more
};
// "on", "off", "low", "medium", "high", or a number of tokens, which also means on (0: as few as
// the model allows). Throws kInvalidArgument.
ThinkingWish ParseThinkingWish(const std::string& text);

// What one model understands.
struct ThinkingStyle {
  const ReasoningTags* tags = nullptr;  // nullptr = it does not reason aloud
  std::string variable;                 // of the template: true or false; "" = no such switch
  bool has_effort = false;              // the variable reasoning_effort makes a difference
};
// By rendering a short conversation with and without each known variable: a switch is what changes
// the prompt. A template that refuses the conversation has no switch.
ThinkingStyle FindThinkingStyle(const ChatTemplate& chat, std::string_view template_source);

// Sets what `wish` needs in `input`: variables, or words behind the last user message. Throws
// kUnsupported when the model has no such switch, saying what it has.
void ApplyThinking(const ThinkingStyle& style, const ThinkingWish& wish, TemplateInput* input);

}  // namespace tael
