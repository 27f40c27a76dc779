// Decoders: token texts back to plain text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace tael {

// Immutable; safe from several threads.
class DecoderStep {
 public:
  virtual ~DecoderStep() = default;
  // Rewrites the token texts of a whole output; may join them.
  virtual void Apply(std::vector<std::string>& tokens) const = 0;
  // The same for one token in a stream. `first`: no text came before. May leave bytes that become
  // valid UTF-8 only with the next token's.
  virtual void ApplyToOne(std::string& token, bool first) const = 0;
};

struct Decoder {
  std::vector<std::unique_ptr<DecoderStep>> steps;
  // Without a decoder Hugging Face puts a space between tokens.
  bool join_with_spaces = false;

  std::string Decode(std::vector<std::string> tokens) const;
};

// The "decoder" of a tokenizer.json. Throws kUnsupported, kCorrupt.
Decoder DecoderFromJson(const Json& value, std::string_view where);

// The byte alphabet back to bytes.
Decoder MakeByteLevelDecoder();
// "▁" to a space (unless the vocabulary holds plain spaces), byte tokens to bytes, and without one
// leading space if `strip_space`.
Decoder MakeSentencePieceDecoder(bool replace_metaspace, bool strip_space);

}  // namespace tael
