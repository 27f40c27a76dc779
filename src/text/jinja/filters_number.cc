// Filters on numbers, and reading numbers from text.
#include <charconv>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\f\v";

// Without blanks and single underscores between digits; "" when underscores are misplaced.
std::string PlainDigits(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  text = text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || i + 1 == text.size() || std::isalnum(text[i - 1]) == 0 ||
               std::isalnum(text[i + 1]) == 0) {
      return "";
    }
  }
  return plain;
}

int PrefixBase(std::string_view text) {
  if (text.size() < 3 || text[0] != '0') return 0;
  const char mark = static_cast<char>(text[1] | 0x20);
  return mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
}

}  // namespace

std::optional<int64_t> ParseInt(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) RaiseType("a base must be 0 or 2 to 36");
  std::string plain = PlainDigits(text);
  bool negative = false;
  if (!plain.empty() && (plain[0] == '-' || plain[0] == '+')) {
    negative = plain[0] == '-';
    plain.erase(0, 1);
  }
  const int prefix = PrefixBase(plain);
  if (prefix != 0 && (base == 0 || base == prefix)) {
    base = prefix;
    plain.erase(0, 2);
  }
  if (plain.empty() || plain[0] == '-') return std::nullopt;
  if (negative) plain.insert(0, 1, '-');
  int64_t value = 0;
  const char* end = plain.data() + plain.size();
  const auto result =
      std::from_chars(plain.data(), end, value, base == 0 ? 10 : static_cast<int>(base));
  if (result.ec == std::errc::invalid_argument || result.ptr != end) return std::nullopt;
  if (result.ec != std::errc()) RaiseType("the integer does not fit 64 bits");
  return value;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string plain = PlainDigits(text);
  if (!plain.empty() && plain[0] == '+') plain.erase(0, 1);
  if (plain.empty() || plain[0] == '+') return std::nullopt;
  double value = 0;
  const char* end = plain.data() + plain.size();
  const auto result = std::from_chars(plain.data(), end, value);
  if (result.ec == std::errc::invalid_argument || result.ptr != end) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) {
    const bool tiny =
        plain.find("e-") != std::string::npos || plain.find("E-") != std::string::npos;
    value = tiny ? 0.0 : plain[0] == '-' ? -HUGE_VAL : HUGE_VAL;
  }
  return value;
}

std::optional<int64_t> TruncateToInt(double value) {
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return std::nullopt;
  return static_cast<int64_t>(value);
}

double RoundDecimal(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return 0.0 * value;
  if (digits >= 0) {
    const std::string text = fmt::format("{:.{}f}", value, static_cast<int>(digits));
    return ParseFloat(text).value_or(value);
  }
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / scale) * scale;
}

namespace {

Value Origin(Value result, const Value& source) {
  result.untrusted = source.is_string() ? !source.string->fully_trusted() : source.untrusted;
  return result;
}

std::optional<double> ToFloat(const Value& self) {
  if (self.is_string()) return ParseFloat(self.string->text);
  if (self.Is(Kind::kUndefined)) RaiseUndefined(self);
  if (self.is_number()) return self.as_double();
  return std::nullopt;
}

Value FilterInt(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("int", args, {"default", "base"});
  if (self.is_integral()) return Origin(Value::Int(self.as_int()), self);
  if (self.is_string()) {
    if (const auto value = ParseInt(self.string->text, p.Int(1, 10))) {
      return Origin(Value::Int(*value), self);
    }
  }
  if (const auto number = ToFloat(self)) {
    if (const auto value = TruncateToInt(*number)) return Origin(Value::Int(*value), self);
    if (std::isfinite(*number)) RaiseType("the integer does not fit 64 bits");
  }
  return p.Has(0) ? p[0] : Value::Int(0);
}

Value FilterFloat(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("float", args, {"default"});
  if (const auto number = ToFloat(self)) return Origin(Value::Float(*number), self);
  return p.Has(0) ? p[0] : Value::Float(0);
}

Value FilterAbs(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("abs", args, {});
  if (self.Is(Kind::kUndefined)) RaiseUndefined(self);
  if (!self.is_number()) RaiseType("abs needs a number, not '{}'", TypeName(self));
  if (self.Is(Kind::kFloat)) return Origin(Value::Float(std::fabs(self.number)), self);
  return self.as_int() < 0 ? Negate(self) : Origin(Value::Int(self.as_int()), self);
}

Value FilterRound(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("round", args, {"precision", "method"});
  if (self.Is(Kind::kUndefined)) RaiseUndefined(self);
  if (!self.is_number()) RaiseType("round needs a number, not '{}'", TypeName(self));
  const int64_t digits = p.Int(0, 0);
  const std::string_view method = p.Has(1) ? p.Text(1)->text : "common";
  if (method == "common") {
    if (self.Is(Kind::kFloat)) return Origin(Value::Float(RoundDecimal(self.number, digits)), self);
    if (digits >= 0) return Origin(Value::Int(self.as_int()), self);
    const auto rounded = TruncateToInt(RoundDecimal(self.as_double(), digits));
    if (!rounded) RaiseType("the rounded integer does not fit 64 bits");
    return Origin(Value::Int(*rounded), self);
  }
  if (method != "ceil" && method != "floor") {
    RaiseType("the method of round must be common, ceil or floor");
  }
  const double scale = Power(in, Value::Int(10), Value::Int(digits)).as_double();
  const double scaled = self.as_double() * scale;
  return Origin(Value::Float((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale),
                self);
}

Value FilterFilesize(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("filesizeformat", args, {"binary"});
  const bool binary = p.Bool(0, false);
  const auto number = ToFloat(self);
  if (!number) RaiseType("filesizeformat needs a number");
  const double base = binary ? 1024 : 1000;
  if (*number == 1) return MakeText(in, "1 Byte");
  if (*number < base) return MakeText(in, fmt::format("{:.0f} Bytes", std::trunc(*number)));
  double unit = base;
  size_t i = 0;
  for (; i < 7 && *number >= unit * base; ++i) unit *= base;
  const char prefix = "kMGTPEZY"[i];
  const std::string name =
      binary ? fmt::format("{}iB", i == 0 ? 'K' : prefix) : fmt::format("{}B", prefix);
  return MakeText(in, fmt::format("{:.1f} {}", *number / unit, name), !self.untrusted);
}

constexpr NativeEntry kEntries[] = {
    {"int", &FilterInt},
    {"float", &FilterFloat},
    {"abs", &FilterAbs},
    {"round", &FilterRound},
    {"filesizeformat", &FilterFilesize},
};

}  // namespace

std::span<const NativeEntry> NumberFilters() { return kEntries; }

}  // namespace tael::jinja
