// How models mark their reasoning in what they write: one row of data per dialect.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace tael {

struct ReasoningTags {
  const char* name;
  const char* mark;   // text that shows the dialect in a chat template
  const char* open;   // begins the reasoning, unless the prompt ends with it
  const char* close;  // ends it
  // What may stand around the answer; "" = nothing.
  std::array<const char*, 2> answer_opens = {"", ""};
  const char* answer_close = "";
  // Written in place of the model when its budget is used up.
  const char* forced_close = "\n</think>\n\n";
  // Appended to the user's message turns thinking off; "" = no such words.
  const char* off_words = "";
  // Under which the template looks for the reasoning of earlier answers.
  const char* history_key = "reasoning_content";
  bool channels = false;  // Harmony: messages, each with its channel, instead of tags
};

// All dialects. A template is of the first one whose mark it holds.
std::span<const ReasoningTags> AllReasoningTags();

// The dialect of a chat template, or nullptr: a model that does not reason aloud.
const ReasoningTags* FindReasoningTags(std::string_view template_source);

}  // namespace tael
