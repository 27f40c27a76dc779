// Whether the prompt already begins the reasoning of the answer.
#pragma once

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

}  // namespace tael
