// Character properties and case mappings of Unicode, as Python's str methods use them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tael::jinja {

// Full mappings: one character may become up to three. Returns how many were written.
int ToUpper(char32_t c, char32_t out[3]);
int ToLower(char32_t c, char32_t out[3]);
int ToTitle(char32_t c, char32_t out[3]);

bool IsUpper(char32_t c);  // also title case and other cased letters by property
bool IsLower(char32_t c);
bool IsTitle(char32_t c);    // general category Lt
bool IsAlpha(char32_t c);    // letters
bool IsDecimal(char32_t c);  // general category Nd
bool IsNumeric(char32_t c);  // decimal or any other numeric value
bool IsPrintable(char32_t c);
bool IsCaseIgnorable(char32_t c);
bool IsSpace(char32_t c);  // str.isspace: white space and the four information separators
inline bool IsCased(char32_t c) { return IsUpper(c) || IsLower(c) || IsTitle(c); }
inline bool IsAlnum(char32_t c) { return IsAlpha(c) || IsNumeric(c); }
// True for the ends of lines that str.splitlines knows.
bool IsLineBreak(char32_t c);
int DecimalDigit(char32_t c);  // 0-9, or -1

// The generated tables (charset_tables.cc). Ranges are inclusive and sorted.
struct CharRange {
  char32_t first, last;
};
// Characters first, first + step, ..., last map to themselves + delta.
struct CaseRange {
  char32_t first, last;
  int32_t step, delta;
};
struct CaseSpecial {
  char32_t from;
  char32_t to[3];  // 0 = unused
};
template <typename T>
struct Table {
  const T* rows;
  size_t size;
};
extern const Table<CharRange> kUpperRanges, kLowerRanges, kTitleRanges, kAlphaRanges, kDigitRanges,
    kNumericRanges, kPrintableRanges, kIgnorableRanges;
extern const Table<CaseRange> kToUpper, kToLower, kToTitle;
extern const Table<CaseSpecial> kUpperSpecial, kLowerSpecial, kTitleSpecial;

}  // namespace tael::jinja
