// Look-ups in the generated character tables.
#include "text/jinja/charset.h"

#include <algorithm>

namespace tael::jinja {
namespace {

bool InRanges(const Table<CharRange>& table, char32_t c) {
  const CharRange* end = table.rows + table.size;
  const CharRange* it =
      std::lower_bound(table.rows, end, c,
                       [](const CharRange& range, char32_t value) { return range.last < value; });
  return it != end && it->first <= c;
}

int MapCase(const Table<CaseRange>& ranges, const Table<CaseSpecial>& specials, char32_t c,
            char32_t out[3]) {
  const CaseSpecial* special_end = specials.rows + specials.size;
  const CaseSpecial* special =
      std::lower_bound(specials.rows, special_end, c,
                       [](const CaseSpecial& row, char32_t value) { return row.from < value; });
  if (special != special_end && special->from == c) {
    int count = 0;
    while (count < 3 && special->to[count] != 0) {
      out[count] = special->to[count];
      ++count;
    }
    return count;
  }
  out[0] = c;
  const CaseRange* end = ranges.rows + ranges.size;
  const CaseRange* it =
      std::lower_bound(ranges.rows, end, c,
                       [](const CaseRange& range, char32_t value) { return range.last < value; });
  if (it != end && it->first <= c && (c - it->first) % static_cast<uint32_t>(it->step) == 0) {
    out[0] = static_cast<char32_t>(static_cast<int32_t>(c) + it->delta);
  }
  return 1;
}

}  // namespace

int ToUpper(char32_t c, char32_t out[3]) {
  if (c < 0x80) {
    out[0] = c >= 'a' && c <= 'z' ? c - 32 : c;
    return 1;
  }
  return MapCase(kToUpper, kUpperSpecial, c, out);
}

int ToLower(char32_t c, char32_t out[3]) {
  if (c < 0x80) {
    out[0] = c >= 'A' && c <= 'Z' ? c + 32 : c;
    return 1;
  }
  return MapCase(kToLower, kLowerSpecial, c, out);
}

int ToTitle(char32_t c, char32_t out[3]) {
  if (c < 0x80) return ToUpper(c, out);
  return MapCase(kToTitle, kTitleSpecial, c, out);
}

bool IsUpper(char32_t c) { return InRanges(kUpperRanges, c); }
bool IsLower(char32_t c) { return InRanges(kLowerRanges, c); }
bool IsTitle(char32_t c) { return InRanges(kTitleRanges, c); }
bool IsAlpha(char32_t c) { return InRanges(kAlphaRanges, c); }
bool IsDecimal(char32_t c) { return InRanges(kDigitRanges, c); }
bool IsNumeric(char32_t c) { return InRanges(kNumericRanges, c); }
bool IsCaseIgnorable(char32_t c) { return InRanges(kIgnorableRanges, c); }

bool IsPrintable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  return InRanges(kPrintableRanges, c);
}

bool IsSpace(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool IsLineBreak(char32_t c) {
  return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

int DecimalDigit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9' ? static_cast<int>(c - '0') : -1;
  const CharRange* end = kDigitRanges.rows + kDigitRanges.size;
  const CharRange* it =
      std::lower_bound(kDigitRanges.rows, end, c,
                       [](const CharRange& range, char32_t value) { return range.last < value; });
  if (it == end || it->first > c) return -1;
  return static_cast<int>((c - it->first) % 10);  // runs of digits begin with a zero
}

}  // namespace tael::jinja
