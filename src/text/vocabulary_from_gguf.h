// The vocabulary of a GGUF file as tokenizer.json and tokenizer_config.json.
#pragma once

#include <string>

#include "checkpoint/gguf.h"

namespace tael {

struct HfTokenizerFiles {
  std::string tokenizer_json, tokenizer_config_json;  // contents
};

// What the file carries (checkpoint/carried.h), else made from its keys and tried out on texts.
// Throws kUnsupported when it is of a kind that cannot be expressed (SentencePiece), with a hint,
// and what Tokenizer::FromGguf() throws.
HfTokenizerFiles VocabularyFromGguf(const GgufMetadata& metadata);

}  // namespace tael
