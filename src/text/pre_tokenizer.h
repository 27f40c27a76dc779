// Pre-tokenizers: what cuts normalised text into the pieces the model works on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/model.h"
#include "text/normalizer.h"

namespace tael {

// The text being cut, and its pieces in order; steps may rewrite the text.
struct PreTokens {
  std::string text;
  std::vector<Piece> pieces;
};

// Immutable; safe from several threads.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void Apply(PreTokens& tokens, const SectionPlace& place) const = 0;
};

struct PreTokenizer {
  std::vector<std::unique_ptr<PreTokenizerStep>> steps;
  // The pieces are raw bytes that the model spells in the byte alphabet (ByteLevel comes last).
  bool byte_level = false;

  void Apply(PreTokens& tokens, const SectionPlace& place) const {
    for (const auto& step : steps) step->Apply(tokens, place);
  }
};

// The "pre_tokenizer" of a tokenizer.json; null gives no steps. Throws kUnsupported, kCorrupt.
PreTokenizer PreTokenizerFromJson(const Json& value, std::string_view where);

// Split with behaviour Isolated at a regular expression: a scanner if there is one, else PCRE2.
std::unique_ptr<PreTokenizerStep> MakeIsolatedSplit(std::string_view regex, std::string_view where);

// Spells the pieces in the byte alphabet, for steps that cut after ByteLevel.
std::unique_ptr<PreTokenizerStep> MakeByteMapping();

}  // namespace tael
