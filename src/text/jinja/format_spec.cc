// Python's format specification: [[fill]align][sign][#][0][width][,_][.precision][type].
#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

struct Spec {
  std::string_view fill = " ";
  char align = 0, sign = '-', grouping = 0, type = 0;
  bool alternate = false;
  int64_t width = 0, precision = -1;
};

constexpr int64_t kMaxPrecision = 1000;  // digits of a number; more is a mistake or an attack

int64_t ReadNumber(std::string_view& spec) {
  int64_t value = 0;
  while (!spec.empty() && spec[0] >= '0' && spec[0] <= '9') {
    value = std::min<int64_t>(value * 10 + (spec[0] - '0'), INT32_MAX);
    spec.remove_prefix(1);
  }
  return value;
}

bool IsAlign(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

bool Take(std::string_view& spec, char c) {
  if (spec.empty() || spec[0] != c) return false;
  spec.remove_prefix(1);
  return true;
}

Spec ParseSpec(std::string_view spec) {
  Spec result;
  bool has_fill = false;
  if (!spec.empty()) {
    const size_t first = CharLength(spec, 0);
    if (spec.size() > first && IsAlign(spec[first])) {
      result.fill = spec.substr(0, first);
      result.align = spec[first];
      has_fill = true;
      spec.remove_prefix(first + 1);
    } else if (IsAlign(spec[0])) {
      result.align = spec[0];
      spec.remove_prefix(1);
    }
  }
  if (!spec.empty() && (spec[0] == '+' || spec[0] == '-' || spec[0] == ' ')) {
    result.sign = spec[0];
    spec.remove_prefix(1);
  }
  result.alternate = Take(spec, '#');
  if (Take(spec, '0')) {
    if (!has_fill) result.fill = "0";
    if (result.align == 0) result.align = '=';
  }
  result.width = ReadNumber(spec);
  if (!spec.empty() && (spec[0] == ',' || spec[0] == '_')) {
    result.grouping = spec[0];
    spec.remove_prefix(1);
  }
  if (Take(spec, '.')) {
    if (spec.empty() || spec[0] < '0' || spec[0] > '9') RaiseType("a format lacks its precision");
    result.precision = ReadNumber(spec);
  }
  if (!spec.empty()) {
    result.type = spec[0];
    spec.remove_prefix(1);
  }
  if (!spec.empty()) RaiseType("invalid format specification");
  return result;
}

// Separators every `group` digits of the whole part of `digits`.
std::string Grouped(const std::string& digits, char separator, size_t group) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % group == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string IntDigits(uint64_t magnitude, const Spec& spec, std::string& prefix) {
  switch (spec.type) {
    case 0:
    case 'd':
    case 'n':
      return fmt::format("{}", magnitude);
    case 'b':
      if (spec.alternate) prefix += "0b";
      return fmt::format("{:b}", magnitude);
    case 'o':
      if (spec.alternate) prefix += "0o";
      return fmt::format("{:o}", magnitude);
    case 'x':
      if (spec.alternate) prefix += "0x";
      return fmt::format("{:x}", magnitude);
    case 'X':
      if (spec.alternate) prefix += "0X";
      return fmt::format("{:X}", magnitude);
    default:
      RaiseType("unknown format code '{}' for an integer", spec.type);
  }
}

std::string FloatDigits(double magnitude, const Spec& spec) {
  if (spec.precision > kMaxPrecision) RaiseType("a format asks for too many digits");
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  if (!std::isfinite(magnitude)) {
    const bool upper = spec.type == 'F' || spec.type == 'E' || spec.type == 'G';
    const std::string name =
        std::isnan(magnitude) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    return spec.type == '%' ? name + "%" : name;
  }
  switch (spec.type) {
    case 0: {
      if (spec.precision < 0) return FloatRepr(magnitude);
      std::string text = fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      return text;
    }
    case 'e':
      return fmt::format("{:.{}e}", magnitude, precision);
    case 'E':
      return fmt::format("{:.{}E}", magnitude, precision);
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", magnitude, precision);
    case 'g':
    case 'n':
      return fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
    case 'G':
      return fmt::format("{:.{}G}", magnitude, std::max(precision, 1));
    case '%':
      return fmt::format("{:.{}f}%", magnitude * 100, precision);
    default:
      RaiseType("unknown format code '{}' for a float", spec.type);
  }
}

// Writes prefix and body with the padding between, before or behind them.
void WritePadded(TextBuilder& out, Heap& heap, const Spec& spec, char align, const String& prefix,
                 const String& body) {
  const int64_t missing = std::max<int64_t>(spec.width - CharCount(prefix) - CharCount(body), 0);
  const String* fill = CopyString(heap, spec.fill);
  const int64_t left = align == '<' || align == '=' ? 0 : align == '^' ? missing / 2 : missing;
  if (align == '=') {
    out.Append(prefix);
    out.AppendRepeated(*fill, missing);
    out.Append(body);
    return;
  }
  out.AppendRepeated(*fill, left);
  out.Append(prefix);
  out.Append(body);
  out.AppendRepeated(*fill, missing - left);
}

void FormatText(TextBuilder& out, Heap& heap, const String& text, const Spec& spec) {
  if ((spec.type != 0 && spec.type != 's') || spec.align == '=') {
    RaiseType("a format of numbers was used for a string");
  }
  const String* body = &text;
  if (spec.precision >= 0 && spec.precision < CharCount(text)) {
    body = Substring(heap, text, 0, ByteOffset(text, spec.precision));
  }
  const String none;
  WritePadded(out, heap, spec, spec.align == 0 ? '<' : spec.align, none, *body);
}

void FormatNumber(TextBuilder& out, Heap& heap, const Value& value, const Spec& spec) {
  const bool as_float =
      value.Is(Kind::kFloat) ||
      (spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos);
  const bool negative = as_float ? std::signbit(value.as_double()) : value.as_int() < 0;
  std::string prefix = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  std::string digits;
  size_t group = 3;
  if (as_float) {
    digits = FloatDigits(std::fabs(value.as_double()), spec);
  } else {
    if (spec.precision >= 0) RaiseType("a precision is not allowed for integers");
    uint64_t magnitude = static_cast<uint64_t>(value.as_int());
    if (negative) magnitude = uint64_t{0} - magnitude;
    digits = IntDigits(magnitude, spec, prefix);
    if (spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b') group = 4;
  }
  if (spec.grouping != 0) digits = Grouped(digits, spec.grouping, group);
  const bool trusted = !value.untrusted;
  const String sign{.text = prefix, .trusted = trusted}, body{.text = digits, .trusted = trusted};
  WritePadded(out, heap, spec, spec.align == 0 ? '>' : spec.align, sign, body);
}

}  // namespace

void FormatSpec(TextBuilder& out, Heap& heap, const Value& value, std::string_view text) {
  if (text.empty()) return PrintStr(out, heap, value);
  const Spec spec = ParseSpec(text);
  heap.Expect(spec.width);
  if (value.is_string()) return FormatText(out, heap, *value.string, spec);
  if (value.Is(Kind::kInt) && spec.type == 'c') {
    if (value.integer < 0 || value.integer > 0x10FFFF ||
        (value.integer >= 0xD800 && value.integer < 0xE000)) {
      RaiseType("%c needs the number of a character");
    }
    std::string bytes;
    AppendUtf8(static_cast<char32_t>(value.integer), bytes);
    Spec plain = spec;
    plain.type = 0;
    return FormatText(out, heap, *CopyString(heap, bytes, !value.untrusted), plain);
  }
  if (value.Is(Kind::kBool) && spec.type == 0) {
    return FormatNumber(out, heap, Value::Int(value.as_int()), spec);
  }
  if (value.is_number()) return FormatNumber(out, heap, value, spec);
  RaiseType("a value of type {} takes no format specification", TypeName(value));
}

}  // namespace tael::jinja
