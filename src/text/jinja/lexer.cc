// The lexer. Outside tags it looks for the next "{{", "{%" or "{#"; inside it reads tokens with the
// brackets balanced, so that "}}" may end a dictionary.
#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "text/jinja/charset.h"

namespace tael::jinja {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameByte(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c & 0x80) != 0;
}

class Lexer {
 public:
  Lexer(Heap& heap, std::string_view source, const SyntaxOptions& options)
      : heap_(heap), source_(source), options_(options), tokens_(&heap) {}

  Vector<Token> Run() {
    while (pos_ < source_.size()) LexText();
    Emit(TokenType::kEnd, pos_, pos_);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void Fail(const std::string& message) const {
    throw SyntaxFault{ErrorCode::kCorrupt, line_, message};
  }
  bool At(std::string_view s, size_t offset = 0) const {
    return source_.substr(std::min(source_.size(), pos_ + offset), s.size()) == s;
  }
  char Peek(size_t offset = 0) const {
    return pos_ + offset < source_.size() ? source_[pos_ + offset] : '\0';
  }
  // Moves on to `to`, counting lines.
  void Advance(size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    pos_ = to;
  }
  Token& Emit(TokenType type, size_t begin, size_t end) {
    heap_.Step();
    Token token;
    token.type = type;
    token.text = source_.substr(begin, end - begin);
    token.line = line_;
    token.begin = static_cast<uint32_t>(begin);
    token.end = static_cast<uint32_t>(end);
    tokens_.push_back(token);
    return tokens_.back();
  }
  size_t SpaceLength(size_t at) const {
    if (at >= source_.size()) return 0;
    const CodePoint c = DecodeUtf8(source_, at);
    return IsSpace(c.value) ? static_cast<size_t>(c.length) : 0;
  }
  size_t SkipSpace(size_t at) const {
    while (const size_t length = SpaceLength(at)) at += length;
    return at;
  }

  void LexText();
  void EmitText(size_t begin, size_t end, char sign, bool is_variable);
  void LexComment();
  bool LexRaw();
  void LexTag(bool is_block);
  bool AtTagEnd(bool is_block, size_t* end) const;
  size_t EndOfBlockTag(size_t close, std::string_view mark) const;
  void LexToken();
  void LexNumber();
  bool LexFloat();
  void LexString();
  void LexOperator();
  size_t ScanDigits(size_t at) const;

  Heap& heap_;
  std::string_view source_;
  SyntaxOptions options_;
  Vector<Token> tokens_;
  size_t pos_ = 0;
  int line_ = 1;
  bool line_start_ = true;  // the last thing read ended a line
  std::string brackets_;    // open ones inside the current tag
};

// Writes source bytes [begin, end) as text, cut at its end as the sign of the tag after it says.
void Lexer::EmitText(size_t begin, size_t end, char sign, bool is_variable) {
  if (sign == '-') {
    while (end > begin) {
      size_t last = end - 1;
      while (last > begin && (source_[last] & 0xC0) == 0x80) --last;
      if (SpaceLength(last) == 0) break;
      end = last;
    }
  } else if (sign != '+' && options_.lstrip_blocks && !is_variable) {
    const size_t newline = source_.substr(begin, end - begin).rfind('\n');
    const size_t line = newline == std::string_view::npos ? begin : begin + newline + 1;
    if ((line > begin || line_start_) && SkipSpace(line) >= end) end = line;
  }
  if (end > begin) {
    Token& token = Emit(TokenType::kData, begin, end);
    token.value = Value::Str(ViewString(heap_, token.text));
  }
}

void Lexer::LexText() {
  size_t open = pos_;
  while (true) {
    open = source_.find('{', open);
    if (open == std::string_view::npos || open + 1 >= source_.size()) {
      open = source_.size();
      break;
    }
    const char next = source_[open + 1];
    if (next == '{' || next == '%' || next == '#') break;
    ++open;
  }
  const size_t begin = pos_;
  if (open == source_.size()) {
    EmitText(begin, open, '+', false);
    Advance(open);
    return;
  }
  const char kind = source_[open + 1];
  char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
  if (sign != '-' && sign != '+') sign = '\0';
  EmitText(begin, open, sign, kind == '{');
  Advance(open);
  const size_t inside = open + (sign != '\0' ? 3 : 2);
  if (kind == '#') {
    Advance(inside);
    LexComment();
  } else if (kind == '{') {
    Emit(TokenType::kVariableBegin, open, inside);
    Advance(inside);
    LexTag(false);
  } else {
    Advance(inside);
    if (LexRaw()) return;
    Emit(TokenType::kBlockBegin, open, inside);
    LexTag(true);
  }
}

// Where reading goes on after a closing mark ("%}", "#}") at `close`, whose sign stands before it.
size_t Lexer::EndOfBlockTag(size_t close, std::string_view mark) const {
  const char sign = close > pos_ ? source_[close - 1] : '\0';
  const size_t end = close + mark.size();
  if (sign == '-') return SkipSpace(end);
  if (sign != '+' && options_.trim_blocks && end < source_.size() && source_[end] == '\n') {
    return end + 1;
  }
  return end;
}

void Lexer::LexComment() {
  const size_t close = source_.find("#}", pos_);
  if (close == std::string_view::npos) Fail("the comment is never closed with '#}'");
  const size_t end = EndOfBlockTag(close, "#}");
  line_start_ = source_[end - 1] == '\n';
  Advance(end);
}

// {% raw %} ... {% endraw %}. pos_ is behind "{%" and its sign. False when this is another tag.
bool Lexer::LexRaw() {
  size_t at = SkipSpace(pos_);
  if (source_.substr(at, 3) != "raw" || (at + 3 < source_.size() && IsNameByte(source_[at + 3]))) {
    return false;
  }
  at = SkipSpace(at + 3);
  const bool strip = source_.substr(at, 3) == "-%}";
  if (!strip && source_.substr(at, 2) != "%}") return false;
  Advance(strip ? SkipSpace(at + 3) : at + 2);
  line_start_ = source_[pos_ - 1] == '\n';
  for (size_t open = source_.find("{%", pos_); open != std::string_view::npos;
       open = source_.find("{%", open + 2)) {
    size_t inside = open + 2;
    const char sign = inside < source_.size() ? source_[inside] : '\0';
    if (sign == '-' || sign == '+') ++inside;
    inside = SkipSpace(inside);
    if (source_.substr(inside, 6) != "endraw") continue;
    inside = SkipSpace(inside + 6);
    size_t close = inside;
    if (close < source_.size() && (source_[close] == '-' || source_[close] == '+')) ++close;
    if (source_.substr(close, 2) != "%}") continue;
    EmitText(pos_, open, sign, false);
    Advance(inside);
    const size_t end = EndOfBlockTag(close, "%}");
    line_start_ = source_[end - 1] == '\n';
    Advance(end);
    return true;
  }
  Fail("'{% raw %}' is never closed with '{% endraw %}'");
}

bool Lexer::AtTagEnd(bool is_block, size_t* end) const {
  if (!brackets_.empty()) return false;
  const std::string_view mark = is_block ? "%}" : "}}";
  const bool sign = Peek() == '-' || (is_block && Peek() == '+');
  if (!At(mark, sign ? 1 : 0)) return false;
  const size_t close = pos_ + (sign ? 1 : 0);
  if (is_block) {
    *end = EndOfBlockTag(close, mark);
  } else {
    *end = sign ? SkipSpace(close + 2) : close + 2;
  }
  return true;
}

void Lexer::LexTag(bool is_block) {
  brackets_.clear();
  const int first_line = line_;
  while (true) {
    size_t end = 0;
    if (AtTagEnd(is_block, &end)) {
      Emit(is_block ? TokenType::kBlockEnd : TokenType::kVariableEnd, pos_, end);
      line_start_ = source_[end - 1] == '\n';
      Advance(end);
      return;
    }
    const size_t after_space = SkipSpace(pos_);
    if (after_space > pos_) {
      Advance(after_space);
      continue;
    }
    if (pos_ >= source_.size()) {
      line_ = first_line;
      Fail(fmt::format("the tag is never closed with '{}'", is_block ? "%}" : "}}"));
    }
    LexToken();
  }
}

void Lexer::LexToken() {
  const char c = Peek();
  if (IsDigit(c)) {
    LexNumber();
  } else if (IsNameByte(c)) {
    const size_t begin = pos_;
    size_t end = pos_;
    while (end < source_.size() && IsNameByte(source_[end])) {
      const CodePoint point = DecodeUtf8(source_, end);
      if (point.value >= 0x80 && !IsAlnum(point.value)) break;
      end += static_cast<size_t>(point.length);
    }
    if (end == begin) Fail("a character that is neither a name nor an operator");
    Emit(TokenType::kName, begin, end);
    Advance(end);
  } else if (c == '"' || c == '\'') {
    LexString();
  } else {
    LexOperator();
  }
}

// Digits with single underscores between them; returns the end, or `at` when there are none.
size_t Lexer::ScanDigits(size_t at) const {
  size_t end = at;
  while (end < source_.size()) {
    if (IsDigit(source_[end])) {
      ++end;
    } else if (source_[end] == '_' && end > at && source_[end - 1] != '_' &&
               end + 1 < source_.size() && IsDigit(source_[end + 1])) {
      ++end;
    } else {
      break;
    }
  }
  return end;
}

std::string WithoutUnderscores(std::string_view digits) {
  std::string plain(digits);
  std::erase(plain, '_');
  return plain;
}

bool Lexer::LexFloat() {
  if (pos_ > 0 && source_[pos_ - 1] == '.') return false;
  const size_t whole = ScanDigits(pos_);
  size_t end = whole;
  if (end < source_.size() && source_[end] == '.') {
    const size_t fraction = ScanDigits(end + 1);
    if (fraction > end + 1) end = fraction;
  }
  size_t mantissa = end;
  if (mantissa < source_.size() && (source_[mantissa] == 'e' || source_[mantissa] == 'E')) {
    size_t exponent = mantissa + 1;
    if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
      ++exponent;
    }
    const size_t exponent_end = ScanDigits(exponent);
    if (exponent_end > exponent) end = exponent_end;
  }
  if (end == whole) return false;
  Token& token = Emit(TokenType::kFloat, pos_, end);
  const std::string digits = WithoutUnderscores(token.text);
  double number = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (result.ec == std::errc::result_out_of_range) {
    // Python reads 1e999 as infinity and 1e-999 as zero.
    number = digits.find("e-") != std::string::npos || digits.find("E-") != std::string::npos
                 ? 0.0
                 : __builtin_inf();
  }
  token.value = Value::Float(number);
  Advance(end);
  return true;
}

void Lexer::LexNumber() {
  if (LexFloat()) return;
  int base = 10;
  size_t digits = pos_, end = pos_;
  const char mark = static_cast<char>(Peek(1) | 0x20);
  if (Peek() == '0' && (mark == 'x' || mark == 'o' || mark == 'b')) {
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : 2;
    digits = end = pos_ + 2;
    const auto is_digit = [base](char c) {
      int64_t unused;
      return std::from_chars(&c, &c + 1, unused, base).ec == std::errc();
    };
    while (end < source_.size() &&
           (is_digit(source_[end]) ||
            (source_[end] == '_' && end + 1 < source_.size() && is_digit(source_[end + 1])))) {
      ++end;
    }
    if (end == digits) base = 10, digits = pos_, end = pos_ + 1;
  } else {
    end = ScanDigits(pos_);
    // "007" is a zero followed by a stray number, which the parser refuses.
    if (Peek() == '0') {
      end = pos_ + 1;
      while (end < source_.size() && source_[end] == '0') ++end;
    }
  }
  const std::string plain = WithoutUnderscores(source_.substr(digits, end - digits));
  int64_t number = 0;
  const auto result = std::from_chars(plain.data(), plain.data() + plain.size(), number, base);
  if (result.ec != std::errc()) Fail(fmt::format("integer {} does not fit 64 bits", plain));
  Emit(TokenType::kInteger, pos_, end).value = Value::Int(number);
  Advance(end);
}

void Lexer::LexString() {
  const char quote = Peek();
  size_t end = pos_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) Fail("a quoted string is never closed");
  Token& token = Emit(TokenType::kString, pos_, end + 1);
  token.value = Value::Str(Unescape(heap_, source_.substr(pos_ + 1, end - pos_ - 1), line_));
  Advance(end + 1);
}

void Lexer::LexOperator() {
  static constexpr std::string_view kOperators[] = {
      "==", "!=", ">=", "<=", "//", "**", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  for (const std::string_view op : kOperators) {
    if (!At(op)) continue;
    const char c = op[0];
    if (c == '(' || c == '[' || c == '{') {
      brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets_.empty()) Fail(fmt::format("unexpected '{}'", op));
      if (brackets_.back() != c) {
        Fail(fmt::format("unexpected '{}', expected '{}'", op, brackets_.back()));
      }
      brackets_.pop_back();
    }
    Emit(TokenType::kOperator, pos_, pos_ + op.size());
    Advance(pos_ + op.size());
    return;
  }
  Fail(fmt::format("unexpected character '{}'", source_.substr(pos_, CharLength(source_, pos_))));
}

}  // namespace

Vector<Token> Tokenize(Heap& heap, std::string_view source, const SyntaxOptions& options) {
  return Lexer(heap, source, options).Run();
}

}  // namespace tael::jinja
