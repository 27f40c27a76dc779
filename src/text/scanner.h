// Hand-written equivalents of the well-known pre-tokenizer regular expressions.
#pragma once

#include <string_view>
#include <vector>

#include "text/model.h"

namespace tael {

// The patterns as tokenizer.json files spell them; also the names GGUF's table refers to.
namespace patterns {
extern const char* const kGpt2;
extern const char* const kLlama3;
extern const char* const kQwen2;
extern const char* const kQwen35;
extern const char* const kGpt4o;
extern const char* const kTekken;
extern const char* const kKimiK2;
extern const char* const kDeepSeekV3;
extern const char* const kDeepSeekCjk;
extern const char* const kDigit;
extern const char* const kDigits;
extern const char* const kUpTo3Digits;
}  // namespace patterns

// Cuts `range` of `text` (valid UTF-8) at the matches of one pattern, as a Split with behaviour
// Isolated does: matches and the gaps between them become pieces. Linear in the range.
using SplitFunction = void (*)(std::string_view text, Piece range, std::vector<Piece>& out);

// The scanner that equals `regex`, or nullptr for a pattern nobody wrote one for. A scanner is
// chosen by the exact spelling of the pattern (a few spellings of the same pattern are known).
// `covers_all` is set when the pattern leaves no gaps.
SplitFunction FindScanner(std::string_view regex, bool* covers_all);

// Every pattern with a scanner, for tests against the regular expression engine.
std::vector<std::string_view> ScannerPatterns();

}  // namespace tael
