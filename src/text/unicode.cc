// Normal forms after Unicode Standard Annex 15: decompose, order marks, compose, by segments that
// cannot interact.
#include "text/unicode.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/utf8.h"

namespace tael::unicode {
namespace {

// Hangul syllables are composed by arithmetic (Unicode 15, section 3.12).
constexpr char32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr char32_t kLCount = 19, kVCount = 21, kTCount = 28, kSCount = kLCount * kVCount * kTCount;

bool IsCompat(NormalForm form) { return form == NormalForm::kNfkc || form == NormalForm::kNfkd; }
bool IsComposed(NormalForm form) { return form == NormalForm::kNfc || form == NormalForm::kNfkc; }

uint16_t NormOf(char32_t c) { return Lookup(kNormIndex, kNormBlocks, c); }
int CombiningClass(char32_t c) { return NormOf(c) & 0xFF; }

// The bit that is set when a character may not occur in the form.
uint16_t QuickCheckBit(NormalForm form) {
  switch (form) {
    case NormalForm::kNfc:
      return 1 << 8;
    case NormalForm::kNfkc:
      return 1 << 9;
    case NormalForm::kNfd:
      return 1 << 10;
    case NormalForm::kNfkd:
      return 1 << 11;
  }
  return 0;
}

// The bit of a character that may interact with the one before it: "no or maybe" of the composed
// form of the same kind.
uint16_t BoundaryBit(NormalForm form) { return IsCompat(form) ? 1 << 9 : 1 << 8; }

void Decompose(char32_t c, bool compat, std::vector<char32_t>& out) {
  if (c - kSBase < kSCount) {
    const char32_t s = c - kSBase, t = s % kTCount;
    out.push_back(kLBase + s / (kVCount * kTCount));
    out.push_back(kVBase + s % (kVCount * kTCount) / kTCount);
    if (t != 0) out.push_back(kTBase + t);
    return;
  }
  const uint16_t slot = compat ? Lookup(kCompatIndex, kCompatBlocks, c)
                               : Lookup(kCanonicalIndex, kCanonicalBlocks, c);
  if (slot == 0) {
    out.push_back(c);
    return;
  }
  const uint32_t* entry = kDecompositionPool + slot;
  for (uint32_t i = 1; i <= entry[0]; ++i) out.push_back(entry[i]);
}

void OrderMarks(std::vector<char32_t>& points) {
  for (size_t i = 0; i < points.size();) {
    if (CombiningClass(points[i]) == 0) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < points.size() && CombiningClass(points[end]) != 0) ++end;
    std::stable_sort(points.begin() + static_cast<std::ptrdiff_t>(i),
                     points.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char32_t a, char32_t b) { return CombiningClass(a) < CombiningClass(b); });
    i = end;
  }
}

// The composite of two characters, 0 when there is none.
char32_t Composite(char32_t first, char32_t second) {
  if (first - kLBase < kLCount && second - kVBase < kVCount) {
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  }
  if (first - kSBase < kSCount && (first - kSBase) % kTCount == 0 && second > kTBase &&
      second < kTBase + kTCount) {
    return first + (second - kTBase);
  }
  int low = 0, high = kCompositionCount;
  while (low < high) {
    const int middle = (low + high) / 2;
    const uint32_t* row = kComposition + 3 * middle;
    if (row[0] == first && row[1] == second) return row[2];
    if (row[0] < first || (row[0] == first && row[1] < second)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return 0;
}

void Compose(std::vector<char32_t>& points) {
  size_t starter = points.size(), kept = 0;  // starter: place of the last one, if any
  int last_class = -1;                       // class of the last character kept after the starter
  for (const char32_t c : points) {
    const int combining = CombiningClass(c);
    if (starter < kept && last_class < combining) {
      const char32_t composite = Composite(points[starter], c);
      if (composite != 0) {
        points[starter] = composite;
        continue;
      }
    }
    if (combining == 0) {
      starter = kept;
      last_class = -1;
    } else {
      last_class = combining;
    }
    points[kept++] = c;
  }
  points.resize(kept);
}

}  // namespace

size_t AsciiPrefix(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (i < text.size() && static_cast<uint8_t>(text[i]) < 0x80) ++i;
  return i;
}

bool IsNormalized(std::string_view text, NormalForm form) {
  const uint16_t bit = QuickCheckBit(form);
  int last_class = 0;
  for (size_t i = AsciiPrefix(text); i < text.size();) {
    if (static_cast<uint8_t>(text[i]) < 0x80) {
      last_class = 0;
      ++i;
      continue;
    }
    const CodePoint point = DecodeUtf8(text, i);
    const uint16_t norm = NormOf(point.value);
    const int combining = norm & 0xFF;
    if ((norm & bit) != 0 || (combining != 0 && combining < last_class)) return false;
    last_class = combining;
    i += static_cast<size_t>(point.length);
  }
  return true;
}

size_t NormalSegment(std::string_view text, NormalForm form, bool* plain) {
  const uint16_t bit = QuickCheckBit(form), boundary = BoundaryBit(form);
  int last_class = 0;
  size_t i = 0;
  *plain = true;
  while (i < text.size()) {
    const CodePoint point = DecodeUtf8(text, i);
    const uint16_t norm = NormOf(point.value);
    const int combining = norm & 0xFF;
    if (i > 0 && combining == 0 && (norm & boundary) == 0) break;
    if ((norm & bit) != 0 || (combining != 0 && combining < last_class)) *plain = false;
    last_class = combining;
    i += static_cast<size_t>(point.length);
  }
  return i;
}

void AppendNormalized(std::string_view text, NormalForm form, std::string& out) {
  std::vector<char32_t> points;
  for (size_t i = 0; i < text.size();) {
    bool plain = true;
    const size_t length = NormalSegment(text.substr(i), form, &plain);
    const std::string_view segment = text.substr(i, length);
    i += length;
    if (plain) {
      out.append(segment);
      continue;
    }
    points.clear();
    for (size_t k = 0; k < segment.size();) {
      const CodePoint point = DecodeUtf8(segment, k);
      Decompose(point.value, IsCompat(form), points);
      k += static_cast<size_t>(point.length);
    }
    OrderMarks(points);
    if (IsComposed(form)) Compose(points);
    for (const char32_t c : points) AppendUtf8(c, out);
  }
}

void AppendLowercase(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    i += static_cast<size_t>(point.length);
    const char32_t c = point.value;
    if (c == 0x130) {  // the only character whose full lower case has two
      out += "i\xCC\x87";
      continue;
    }
    int low = 0, high = kLowercaseCount;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (kLowercase[2 * middle] < c) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const bool found = low < kLowercaseCount && kLowercase[2 * low] == c;
    AppendUtf8(found ? kLowercase[2 * low + 1] : c, out);
  }
}

}  // namespace tael::unicode
