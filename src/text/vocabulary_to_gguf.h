// A tokenizer.json as the tokenizer.* keys of a GGUF file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/gguf.h"
#include "text/tokenizer.h"

namespace tael {

struct GgufVocabulary {
  std::vector<std::pair<std::string, GgufValue>> entries;
  // Why GGUF's keys cannot express this tokenizer; then `entries` only carry tokenizer.json and say
  // tokenizer.ggml.model = "none". "" when they can, which was tried out on texts.
  std::string not_expressed;
};

// `json` and `config_json` are the contents of tokenizer.json and tokenizer_config.json ("" for
// none), `rows` those of the embedding: ids up to there are filled with unused tokens. Throws what
// Tokenizer::FromBytes() throws.
GgufVocabulary VocabularyToGguf(const std::string& json, const std::string& config_json, int rows);

// Texts on which two readings of a tokenizer must agree: scripts, digits, spaces, punctuation.
const std::vector<std::string>& TokenizerProbes();

}  // namespace tael
