// Tokenizer files as the tokenizer.* keys of a GGUF file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/write_gguf.h"
#include "text/tokenizer.h"

namespace tael {

struct GgufVocabulary {
  GgufEntries entries;
  // Why GGUF's keys cannot express this tokenizer; then `entries` only carry tokenizer.json and say
  // tokenizer.ggml.model = "none". "" when they can, which was tried out on texts.
  std::string not_expressed;
};

// `json` and `config_json` are the contents of tokenizer.json and tokenizer_config.json ("" for
// none), `rows` those of the embedding: ids up to there are filled with unused tokens. Throws what
// Tokenizer::FromBytes() throws.
GgufVocabulary VocabularyToGguf(const std::string& json, const std::string& config_json, int rows);

// llama2.c's tokenizer.bin as the keys of a SentencePiece BPE. Texts get the same ids; readers of
// GGUF put a blank behind a special token inside a text, which llama2.c does not. Throws kCorrupt.
GgufEntries Llama2cVocabularyToGguf(std::string_view bytes, const std::string& where, int rows);

// Texts on which two readings of a tokenizer must agree: scripts, digits, spaces, punctuation.
const std::vector<std::string>& TokenizerProbes();

}  // namespace tael
