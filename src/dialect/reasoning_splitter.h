// Cuts what a model writes into its reasoning and its answer, piece by piece as it comes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialect/reasoning_tags.h"
#include "text/tokenizer.h"

namespace tael {

// Where an answer begins, given what the prompt ends with.
enum class ReasoningStart {
  kModelDecides,  // the answer may open the reasoning itself
  kInside,        // the prompt opened it
  kClosed,        // the prompt opened and closed it: thinking is off
  kAnswer,        // likewise, and it opened the answer's wrapper
};
// `prompt` is what was rendered; only what the template itself wrote at its end counts, never the
// end of a message. Without tags: kClosed.
ReasoningStart FindReasoningStart(const ReasoningTags* tags, const std::vector<TextSpan>& prompt);

// Markers and the line breaks around them are dropped; every other character is in exactly one
// piece, and how the text was cut when it came makes no difference to the joined pieces. A blank
// line is put between two parts of the reasoning. Text that may be the beginning of a marker is
// held back. Never throws.
class ReasoningSplitter {
 public:
  struct Piece {
    bool reasoning = false;
    std::string text;  // not empty
  };

  // `tags` must outlive it; nullptr = everything is answer.
  ReasoningSplitter(const ReasoningTags* tags, ReasoningStart start);

  std::vector<Piece> Push(std::string_view text);
  // What was held back. Reasoning that was never closed stays reasoning; the beginning of a marker
  // between reasoning and answer is dropped. `closing`: so is that of the closing marker, as it was
  // written in the model's place.
  std::vector<Piece> Finish(bool closing = false);

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
  // Takes a marker that goes on with the reasoning or opens the answer; false if `text`, an end of
  // `held_`, begins with none.
  bool TakeOpener(std::string_view text);
  // Whether a longer text could begin with such a marker.
  bool MayBecomeOpener(std::string_view text) const;
  void Emit(bool reasoning, std::string_view text, std::vector<Piece>& out);
  void DropLineBreaks();

  const ReasoningTags* tags_;
  State state_;
  std::string held_;
  bool at_beginning_ = true;  // of the current part: its leading line breaks are dropped
  bool reasoned_ = false;     // some reasoning was given out
  bool apart_ = false;        // the next reasoning is another part than that
};

}  // namespace tael
