// Readers of the tokenizer file formats: bytes in, the parts of a tokenizer out. All throw kCorrupt
// and kUnsupported and never crash on hostile bytes; `where` names the source in messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/pipeline.h"

namespace tael {

class GgufMetadata;

// Hugging Face's tokenizer.json. `config` is tokenizer_config.json, or null.
TokenizerParts ReadHfTokenizer(std::string_view bytes, const Json& config, std::string_view where);

// SentencePiece's tokenizer.model: BPE and unigram.
TokenizerParts ReadSentencePiece(std::string_view bytes, const Json& config,
                                 std::string_view where);

// Lines "base64 rank". The pre-tokenizer pattern and the special tokens are not in the file: they
// come from `config` (tokenizer_class, added_tokens_decoder); an unknown class is refused.
TokenizerParts ReadTiktoken(std::string_view bytes, const Json& config, std::string_view where);

// tokenizer.ggml.* of a GGUF file.
TokenizerParts ReadGgufTokenizer(const GgufMetadata& metadata);

// What tokenizer_config.json adds to any of them: bos, eos, added_tokens_decoder is read elsewhere.
void ApplyTokenizerConfig(const Json& config, TokenizerParts& parts);

// One piece of a SentencePiece vocabulary, from a tokenizer.model or a GGUF file.
enum class PieceType {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};
struct SentencePieces {
  bool unigram = false;
  bool byte_fallback = false;
  std::vector<std::string> texts;
  std::vector<double> scores;
  std::vector<PieceType> types;
  bool add_dummy_prefix = true;
  bool prefix_after_special = true;  // again after a special token, not only at the beginning
  bool remove_extra_whitespaces = false;
  std::string charsmap;  // precompiled character map, empty = none
};
// llama2.c's tokenizer.bin; ids 1 and 2 begin and end a text.
SentencePieces ReadLlama2cPieces(std::string_view bytes, std::string_view where);
TokenizerParts ReadLlama2cTokenizer(std::string_view bytes, std::string_view where);

// Vocabulary, model, normalizer, decoder, added tokens. `pieces` is used up.
TokenizerParts PartsFromPieces(SentencePieces pieces, std::string_view where);

// True for texts that may be recognised whoever wrote them: blanks and nothing else.
bool IsHarmlessToken(std::string_view text);

}  // namespace tael
