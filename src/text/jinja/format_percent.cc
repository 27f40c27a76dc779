// Python's `text % values`.
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Interpreter& in, const String& format, const Value& values)
      : in_(in), format_(format), values_(values), out_(in.heap()) {}

  const String* Run();

 private:
  char Peek() const {
    if (at_ >= format_.text.size()) RaiseType("incomplete format");
    return format_.text[at_];
  }
  Value NextValue();
  Value KeyedValue();
  int64_t ReadCount();
  void Conversion();
  void Write(char type, const Value& value);
  void WriteNumber(char type, const Value& value);

  Interpreter& in_;
  const String& format_;
  const Value& values_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool keyed_ = false;
  std::string flags_;
  int64_t width_ = 0, precision_ = -1;
};

Value PercentFormatter::NextValue() {
  if (values_.Is(Kind::kTuple)) {
    if (used_ >= values_.list->items.size()) RaiseType("not enough arguments for the format");
    return values_.list->items[used_++];
  }
  if (used_++ > 0) RaiseType("not enough arguments for the format");
  return values_;
}

Value PercentFormatter::KeyedValue() {
  const size_t begin = ++at_;
  for (int depth = 1; depth > 0; ++at_) depth += Peek() == '(' ? 1 : Peek() == ')' ? -1 : 0;
  if (!values_.Is(Kind::kDict)) RaiseType("the format needs a mapping");
  keyed_ = true;
  const std::string_view key = format_.text.substr(begin, at_ - 1 - begin);
  const Value* value = values_.dict->Find(key);
  if (value == nullptr) RaiseType("the format names the missing key '{}'", key);
  return *value;
}

int64_t PercentFormatter::ReadCount() {
  if (Peek() == '*') {
    ++at_;
    const Value value = NextValue();
    if (!value.is_integral()) RaiseType("* wants an integer");
    return value.as_int();
  }
  int64_t count = 0;
  while (Peek() >= '0' && Peek() <= '9') {
    count = std::min<int64_t>(count * 10 + (Peek() - '0'), INT32_MAX);
    ++at_;
  }
  return count;
}

// REQUIRES: at_ is behind a percent sign.
void PercentFormatter::Conversion() {
  Value value;
  if (Peek() == '(') value = KeyedValue();
  flags_.clear();
  while (std::string_view("-+ #0").find(Peek()) != std::string_view::npos) flags_ += Peek(), ++at_;
  width_ = ReadCount();
  if (width_ < 0) {
    flags_ += '-';
    width_ = width_ == INT64_MIN ? INT64_MAX : -width_;
  }
  precision_ = -1;
  if (Peek() == '.') {
    ++at_;
    precision_ = std::max<int64_t>(ReadCount(), 0);
  }
  while (Peek() == 'l' || Peek() == 'h' || Peek() == 'L') ++at_;
  const char type = Peek();
  ++at_;
  if (type == '%') return out_.Append("%", format_.TrustedAt(at_ - 1));
  if (value.missing()) value = NextValue();
  Write(type, value);
}

void PercentFormatter::Write(char type, const Value& value) {
  Heap& heap = in_.heap();
  const bool left = flags_.find('-') != std::string::npos;
  const std::string align = left ? "<" : ">";
  std::string spec = fmt::format("{}{}", align, width_);
  if (precision_ >= 0) spec += fmt::format(".{}", precision_);
  if (type == 's' || type == 'r' || type == 'a') {
    TextBuilder text(heap);
    type == 's' ? PrintStr(text, heap, value) : PrintRepr(text, heap, value);
    return FormatSpec(out_, heap, Value::Str(text.Finish()), spec);
  }
  if (type == 'c') {
    if (value.is_string() ? CharCount(*value.string) != 1 : !value.is_integral()) {
      RaiseType("%c needs a character or an integer");
    }
    spec = fmt::format("{}{}", align, width_);
    if (value.is_string()) return FormatSpec(out_, heap, value, spec);
    return FormatSpec(out_, heap, Value::Int(value.as_int()), spec + "c");
  }
  WriteNumber(type, value);
}

void PercentFormatter::WriteNumber(char type, const Value& value) {
  if (!value.is_number()) RaiseType("%{} needs a number, not '{}'", type, TypeName(value));
  const auto has = [this](char flag) { return flags_.find(flag) != std::string::npos; };
  Value number = value;
  const bool integer = std::string_view("diuxXo").find(type) != std::string_view::npos;
  if (integer) {
    if (number.Is(Kind::kFloat)) {
      const auto whole = TruncateToInt(number.number);
      if (!whole || std::string_view("diu").find(type) == std::string_view::npos) {
        RaiseType("%{} needs an integer", type);
      }
      number = Value::Int(*whole);
      number.untrusted = value.untrusted;
    }
    if (type == 'i' || type == 'u') type = 'd';
  } else if (std::string_view("eEfFgG").find(type) == std::string_view::npos) {
    RaiseType("unsupported format character '{}'", type);
  }
  std::string spec = has('-') ? "<" : has('0') ? "0=" : ">";
  if (has('+')) {
    spec += '+';
  } else if (has(' ')) {
    spec += ' ';
  }
  if (has('#')) spec += '#';
  if (!integer) {
    spec += fmt::format("{}.{}{}", width_, precision_ < 0 ? 6 : precision_, type);
    return FormatSpec(out_, in_.heap(), number, spec);
  }
  if (precision_ <= 0) {
    return FormatSpec(out_, in_.heap(), number, spec + fmt::format("{}{}", width_, type));
  }
  // A precision of an integer is its least number of digits.
  TextBuilder digits(in_.heap());
  const bool signed_text = number.as_int() < 0 || has('+') || has(' ');
  const std::string sign = has('+') ? "+" : has(' ') ? " " : "";
  FormatSpec(digits, in_.heap(), number,
             fmt::format("0={}{}{}", sign, precision_ + (signed_text ? 1 : 0), type));
  FormatSpec(out_, in_.heap(), Value::Str(digits.Finish()),
             fmt::format("{}{}", has('-') ? "<" : ">", width_));
}

const String* PercentFormatter::Run() {
  while (at_ < format_.text.size()) {
    const size_t percent = std::min(format_.text.find('%', at_), format_.text.size());
    out_.AppendRange(format_, at_, percent);
    at_ = percent + 1;
    if (percent < format_.text.size()) Conversion();
  }
  const size_t given = values_.Is(Kind::kTuple) ? values_.list->items.size() : 1;
  if (!keyed_ && used_ < given && !values_.Is(Kind::kDict)) {
    RaiseType("not all arguments were used by the format");
  }
  return out_.Finish(format_.markup);
}

}  // namespace

const String* FormatPercent(Interpreter& in, const String& format, const Value& values) {
  return PercentFormatter(in, format, values).Run();
}

}  // namespace tael::jinja
