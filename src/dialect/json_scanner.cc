#include "dialect/json_scanner.h"

#include <cctype>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "dialect/tool_schemas.h"

namespace tael {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

bool IsHigh(uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool IsLow(uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

}  // namespace

void JsonStringReader::Flush(std::string& out) {
  if (std::exchange(high_, 0) != 0) AppendUtf8(kReplacement, out);
}

bool JsonStringReader::OnByte(char c, std::string& out) {
  if (digits_left_ > 0) {
    OnHexDigit(c, out);
    return true;
  }
  if (escape_) {
    escape_ = false;
    if (c == 'u') {
      digits_left_ = 4;
      code_ = 0;
      return true;
    }
    Flush(out);
    constexpr std::string_view kLetters = "ntrbf\"\\/", kMeanings = "\n\t\r\b\f\"\\/";
    const size_t found = kLetters.find(c);
    if (found == std::string_view::npos) out += '\\';
    out += found == std::string_view::npos ? c : kMeanings[found];
    return true;
  }
  if (c == '\\') {
    escape_ = true;
    return true;
  }
  Flush(out);
  if (c == '"') return false;
  out += c;
  return true;
}

void JsonStringReader::OnHexDigit(char c, std::string& out) {
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {  // no escape after all
    digits_left_ = 0;
    Flush(out);
    AppendUtf8(kReplacement, out);
    out += c;
    return;
  }
  code_ = code_ * 16 + static_cast<uint32_t>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
  if (--digits_left_ > 0) return;
  if (high_ != 0 && IsLow(code_)) {
    AppendUtf8(0x10000 + ((high_ - 0xD800) << 10) + (code_ - 0xDC00), out);
    high_ = 0;
    return;
  }
  Flush(out);
  if (IsHigh(code_)) {
    high_ = code_;
  } else {
    AppendUtf8(IsLow(code_) ? kReplacement : code_, out);
  }
}

JsonScanner::Result JsonScanner::OnByte(char c, std::string& out) {
  if (in_string_) {
    const bool control = static_cast<unsigned char>(c) < 0x20;
    if (control && !escape_) {
      AppendJsonEscaped(c, out);
    } else {
      out += c;
    }
    if (escape_) {
      escape_ = false;
    } else if (c == '\\') {
      escape_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (open_.empty()) return Result::kEnd;
    }
    return Result::kMore;
  }
  const bool in_word =
      std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '+' || c == '.';
  if (scalar_ && !in_word) return Result::kEndBefore;
  if (c == '{' || c == '[') {
    open_ += c == '{' ? '}' : ']';
  } else if (c == '}' || c == ']') {
    if (open_.empty() || open_.back() != c) return Result::kBad;
    open_.pop_back();
    out += c;
    return open_.empty() ? Result::kEnd : Result::kMore;
  } else if (c == '"') {
    in_string_ = true;
  } else if (in_word) {
    scalar_ = open_.empty();
  } else if (open_.empty() || std::string_view(" \t\r\n,:").find(c) == std::string_view::npos) {
    return Result::kBad;
  }
  out += c;
  return Result::kMore;
}

}  // namespace tael
