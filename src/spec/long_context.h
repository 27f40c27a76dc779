// Which of longrope's two lists of divisors a model uses (docs/decisions/0014).
#pragma once

#include <string>

#include "spec/decoder_spec.h"

namespace tael {

// Of a spec as its configuration describes it, where a layer's rope has two lists: `max_context`
// becomes the original context, up to which the short list is right, and `long_context` says what
// the other one allows. Throws kUnsupported where layers differ in the original context, or where
// only plain attention is known to have two lists. `where` names the configuration.
void LimitToOriginalContext(DecoderSpec* spec, const std::string& where);

// Makes it the network for texts beyond the original context: all positions of all sequences are
// rotated by the long list. Nothing where there is none.
void UseLongContext(DecoderSpec* spec);

// For messages about a context that is too small: ". Hint: ..." or "" where there is no more.
std::string LongContextHint(const DecoderSpec& spec);

}  // namespace tael
