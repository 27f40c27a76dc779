// Cuts what a model writes into its reasoning and its answer, piece by piece as it comes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialect/reasoning_tags.h"

namespace tael {

// Where an answer begins, given what the prompt ends with.
enum class ReasoningStart {
  kModelDecides,  // the answer may open the reasoning itself
  kInside,        // the prompt opened it
  kClosed,        // the prompt opened and closed it: thinking is off
};
// `prompt` is the rendered text. Without tags: kClosed.
ReasoningStart FindReasoningStart(const ReasoningTags* tags, std::string_view prompt);

// Markers and the line breaks around them are dropped; every other character is in exactly one
// piece, and how the text was cut when it came makes no difference to the joined pieces. Text that
// may be the beginning of a marker is held back. Never throws.
class ReasoningSplitter {
 public:
  struct Piece {
    bool reasoning = false;
    std::string text;  // not empty
  };

  // `tags` must outlive it; nullptr = everything is answer.
  ReasoningSplitter(const ReasoningTags* tags, ReasoningStart start);

  std::vector<Piece> Push(std::string_view text);
  // What was held back. Reasoning that was never closed stays reasoning.
  std::vector<Piece> Finish();

  // Whether the text so far ends within the reasoning.
  bool reasoning() const { return state_ == State::kReasoning; }

 private:
  enum class State { kStart, kReasoning, kBeforeAnswer, kAnswer, kWrappedAnswer, kAfter };

  // Each takes what it can from `held_`; false when it waits for more text.
  bool Step(bool last, std::vector<Piece>& out);
  bool TakeStart(bool last);
  bool TakeUntil(std::string_view marker, bool reasoning, State next, bool last,
                 std::vector<Piece>& out);
  bool TakeAnswerOpen(bool last);
  void DropLineBreaks();

  const ReasoningTags* tags_;
  State state_;
  std::string held_;
  bool at_beginning_ = true;  // of the current part: its leading line breaks are dropped
};

}  // namespace tael
