// Unicode 15.0 character classes, normal forms and lower case.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/unicode_tables.h"

namespace tael::unicode {

// Bits of a character's class; several may be set.
enum CharClass : uint16_t {
  kUpper = 1 << 0,        // Lu
  kLower = 1 << 1,        // Ll
  kTitle = 1 << 2,        // Lt
  kModifier = 1 << 3,     // Lm
  kOtherLetter = 1 << 4,  // Lo
  kMark = 1 << 5,
  kNumber = 1 << 6,
  kPunctuation = 1 << 7,
  kSymbol = 1 << 8,
  kSpace = 1 << 9,  // White_Space
  kHan = 1 << 10,   // Script=Han
  kWord = 1 << 11,  // \w: Alphabetic, marks, decimal digits, connectors, joiners
  kLetter = kUpper | kLower | kTitle | kModifier | kOtherLetter,
};

// REQUIRES: c <= 0x10FFFF.
inline uint16_t ClassOf(char32_t c) { return Lookup(kClassIndex, kClassBlocks, c); }

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// True when `text` (valid UTF-8) is surely in the form; false may be a false alarm.
bool IsNormalized(std::string_view text, NormalForm form);

// Appends `text` (valid UTF-8) in the given form. Linear but for the sorting of runs of marks.
void AppendNormalized(std::string_view text, NormalForm form, std::string& out);

// End of the first stretch of `text` that normalises independently of what follows. REQUIRES: text
// is not empty. `plain` is set when the stretch is already in the form.
size_t NormalSegment(std::string_view text, NormalForm form, bool* plain);

// Full lower case of every character on its own (no final sigma rule).
void AppendLowercase(std::string_view text, std::string& out);

// Bytes at the start that are all ASCII.
size_t AsciiPrefix(std::string_view text);

}  // namespace tael::unicode
