#include "dialect/python_literal.h"

#include <cctype>
#include <cstdint>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "dialect/tool_schemas.h"

namespace tael {
namespace {

constexpr int kMaxDepth = 64;

bool IsNameStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || std::isdigit(static_cast<unsigned char>(c)); }

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size();
  }
  bool Value(int depth) {
    SkipSpace();
    if (depth > kMaxDepth || at_ == text_.size()) return false;
    const char c = text_[at_];
    if (c == '\'' || c == '"') return String();
    if (c == '[') return Sequence(']', depth);
    if (c == '(') return Sequence(')', depth);
    if (c == '{') return Dictionary(depth);
    return IsNameStart(c) ? Constant() : Number();
  }
  bool Arguments() {
    out += '{';
    for (bool first = true; !AtEnd(); first = false) {
      if (!first && !Take(',')) return false;
      if (AtEnd()) break;  // a comma at the end
      if (!first) out += ", ";
      const size_t begin = at_;
      while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
      if (at_ == begin || !IsNameStart(text_[begin])) return false;
      out += '"';
      out += text_.substr(begin, at_ - begin);
      out += "\": ";
      if (!Take('=') || !Value(0)) return false;
    }
    out += '}';
    return true;
  }

  std::string out = {};

 private:
  void SkipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool Constant() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name == "True" || name == "true") {
      out += "true";
    } else if (name == "False" || name == "false") {
      out += "false";
    } else if (name == "None" || name == "null") {
      out += "null";
    } else {
      return false;
    }
    return true;
  }

  // Only what JSON calls a number too: "1_000", ".5" and "0x10" are refused.
  bool Number() {
    const size_t begin = at_;
    constexpr std::string_view kDigits = "+-.0123456789eE";
    while (at_ < text_.size() && kDigits.find(text_[at_]) != std::string_view::npos) ++at_;
    const std::string_view number = text_.substr(begin, at_ - begin);
    try {
      if (!ParseJson(number, "number").is_number()) return false;
    } catch (const Error&) {
      return false;
    }
    out += number;
    return true;
  }

  bool Sequence(char close, int depth) {
    ++at_;
    out += '[';
    for (bool first = true; !Take(close); first = false) {
      if (!first && !Take(',')) return false;
      if (!first && Take(close)) break;
      if (!first) out += ", ";
      if (!Value(depth + 1)) return false;
    }
    out += ']';
    return true;
  }

  bool Dictionary(int depth) {
    ++at_;
    out += '{';
    for (bool first = true; !Take('}'); first = false) {
      if (!first && !Take(',')) return false;
      if (!first && Take('}')) break;
      if (!first) out += ", ";
      SkipSpace();
      if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
      if (!String() || !Take(':')) return false;
      out += ": ";
      if (!Value(depth + 1)) return false;
    }
    out += '}';
    return true;
  }

  bool String() {
    const char quote = text_[at_];
    const std::string triple(3, quote);
    const bool is_triple = text_.substr(at_).starts_with(triple);
    const std::string_view end = is_triple ? std::string_view(triple) : text_.substr(at_, 1);
    at_ += end.size();
    out += '"';
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with(end)) {
        at_ += end.size();
        out += '"';
        return true;
      }
      if (text_[at_] == '\\') {
        if (!Escape()) return false;
      } else {
        AppendJsonEscaped(text_[at_++], out);
      }
    }
    return false;
  }

  bool Escape() {
    if (at_ + 1 >= text_.size()) return false;
    const char c = text_[at_ + 1];
    at_ += 2;
    constexpr std::string_view kLetters = "ntrbfav0", kMeanings("\n\t\r\b\f\a\v\0", 8);
    if (const size_t found = kLetters.find(c); found != std::string_view::npos) {
      AppendJsonEscaped(kMeanings[found], out);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      return CodePointEscape(c == 'x' ? 2 : c == 'u' ? 4 : 8);
    } else if (c == '\\' || c == '\'' || c == '"') {
      AppendJsonEscaped(c, out);
    } else if (c != '\n') {  // unknown: both characters stay, as in Python
      AppendJsonEscaped('\\', out);
      AppendJsonEscaped(c, out);
    }
    return true;
  }

  bool CodePointEscape(size_t digits) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      if (at_ == text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[at_])))
        return false;
      const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(text_[at_])));
      value = value * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
    std::string character;
    AppendUtf8(value, character);
    for (const char byte : character) AppendJsonEscaped(byte, out);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string> PythonLiteralToJson(std::string_view text) {
  Reader reader(text);
  if (!reader.Value(0) || !reader.AtEnd()) return std::nullopt;
  return reader.out;
}

std::optional<std::string> PythonArgumentsToJson(std::string_view text) {
  Reader reader(text);
  if (!reader.Arguments()) return std::nullopt;
  return reader.out;
}

}  // namespace tael
