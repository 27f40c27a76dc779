// UTF-8 decoding and encoding of single code points.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tael {

struct CodePoint {
  char32_t value = 0;  // U+FFFD when not valid
  int length = 0;      // bytes consumed, at least 1 for non-empty input
  bool valid = false;
};

// Decodes the code point at text[pos]. Invalid input (overlong, surrogate, cut) consumes the
// maximal invalid prefix as the WHATWG decoder does. REQUIRES: pos < text.size().
CodePoint DecodeUtf8(std::string_view text, size_t pos);

// Appends `value` as UTF-8. REQUIRES: value <= 0x10FFFF and no surrogate.
void AppendUtf8(char32_t value, std::string& out);

bool IsValidUtf8(std::string_view text);

// Every invalid sequence becomes U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view text);

// Bytes at the end of `text` that begin a code point but do not finish it: 0 to 3.
int IncompleteUtf8Suffix(std::string_view text);

}  // namespace tael
