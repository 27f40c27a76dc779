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
  // Of low, medium, high: those that as reasoning_effort are not treated like an unknown word.
  std::vector<std::string> levels = {};
  // The template closes the reasoning in the prompt, and has no switch: thinking is always off.
  bool always_closed = false;
};
// By rendering a short conversation with and without each known variable: a switch is what changes
// the prompt. A template that refuses the conversation has no switch.
ThinkingStyle FindThinkingStyle(const ChatTemplate& chat, std::string_view template_source);

// Whether the variables that ApplyThinking() set in `input` change the prompt of its very messages;
// throws kUnsupported if not, as the wish would be lost without a word.
void CheckThinkingCounts(const ThinkingStyle& style, const ChatTemplate& chat,
                         const TemplateInput& input);

// Sets what `wish` needs in `input`: variables, or words behind the last user message. Throws
// kUnsupported when the model has no such switch, saying what it has.
void ApplyThinking(const ThinkingStyle& style, const ThinkingWish& wish, TemplateInput* input);

}  // namespace tael
