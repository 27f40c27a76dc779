// The characters that the lexer does not take as they stand: line ends, invalid UTF-8, escapes.
#include "base/utf8.h"
#include "text/jinja/lexer.h"

namespace tael::jinja {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Reads \xHH, \uHHHH and \UHHHHHHHH behind the letter. Returns the bytes used.
size_t AppendHex(std::string_view rest, size_t digits, int line, std::string& out) {
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = i < rest.size() ? HexDigit(rest[i]) : -1;
    if (digit < 0) throw SyntaxFault{ErrorCode::kCorrupt, line, "a cut-off escape in a string"};
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    throw SyntaxFault{ErrorCode::kUnsupported, line, "a string escape that is no character"};
  }
  AppendUtf8(value, out);
  return digits;
}

// One escape behind the backslash. Returns the bytes used.
size_t AppendEscape(std::string_view rest, int line, std::string& out) {
  static constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
  const char c = rest[0];
  if (const size_t at = kFrom.find(c); at != std::string_view::npos) {
    out += kTo[at];
    return 1;
  }
  if (c == '\n') return 1;
  if (c == 'x') return 1 + AppendHex(rest.substr(1), 2, line, out);
  if (c == 'u') return 1 + AppendHex(rest.substr(1), 4, line, out);
  if (c == 'U') return 1 + AppendHex(rest.substr(1), 8, line, out);
  if (c == 'N') {
    throw SyntaxFault{ErrorCode::kUnsupported, line, "characters by name (\\N{...}) in a string"};
  }
  if (c >= '0' && c <= '7') {
    size_t used = 0;
    char32_t value = 0;
    while (used < 3 && used < rest.size() && rest[used] >= '0' && rest[used] <= '7') {
      value = value * 8 + static_cast<char32_t>(rest[used++] - '0');
    }
    AppendUtf8(value, out);
    return used;
  }
  out += '\\';  // Python keeps the backslash of an escape it does not know
  return 0;
}

}  // namespace

std::string NormalizeSource(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return IsValidUtf8(out) ? out : ReplaceInvalidUtf8(out);
}

const String* Unescape(Heap& heap, std::string_view quoted, int line) {
  if (quoted.find('\\') == std::string_view::npos) return ViewString(heap, quoted);
  std::string out;
  for (size_t i = 0; i < quoted.size();) {
    if (quoted[i] != '\\' || i + 1 >= quoted.size()) {
      out += quoted[i++];
    } else {
      i += 1 + AppendEscape(quoted.substr(i + 1), line, out);
    }
  }
  return CopyString(heap, out);
}

}  // namespace tael::jinja
