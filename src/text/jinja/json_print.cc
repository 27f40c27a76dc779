// json.dumps with the origin of every character.
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/operators.h"
#include "text/jinja/stable_sort.h"

namespace tael::jinja {
namespace {

class JsonPrinter {
 public:
  JsonPrinter(TextBuilder& out, Heap& heap, const JsonStyle& style)
      : out_(out), heap_(heap), style_(style) {}

  void Print(const Value& value, int level);

 private:
  void PrintString(const String& string);
  void PrintEscape(char32_t c, bool trusted);
  void PrintKey(const Value& key);
  void PrintList(const List& list, int level);
  void PrintDict(const Dict& dict, int level);
  void NewLine(int level);
  void Scalar(std::string_view text, const Value& value) { out_.Append(text, !value.untrusted); }
  static std::string Number(double value);

  TextBuilder& out_;
  Heap& heap_;
  const JsonStyle& style_;
};

std::string JsonPrinter::Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return FloatRepr(value);
}

void JsonPrinter::PrintEscape(char32_t c, bool trusted) {
  static constexpr std::string_view kFrom = "\"\\\n\r\t\f\b", kTo = "\"\\nrtfb";
  if (c < 0x80) {
    if (const size_t at = kFrom.find(static_cast<char>(c)); at != std::string_view::npos) {
      const char text[2] = {'\\', kTo[at]};
      return out_.Append({text, 2}, trusted);
    }
  }
  if (c >= 0x10000) {
    const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
    out_.Append(fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF)),
                trusted);
  } else {
    out_.Append(fmt::format("\\u{:04x}", static_cast<uint32_t>(c)), trusted);
  }
}

void JsonPrinter::PrintString(const String& string) {
  const std::string_view text = string.text;
  out_.Append("\"", true);
  size_t plain = 0;
  for (size_t pos = 0; pos < text.size();) {
    const char c = text[pos];
    const bool wide = (c & 0x80) != 0;
    if (wide ? !style_.ascii : (c >= 0x20 && c != '"' && c != '\\')) {
      ++pos;
      continue;
    }
    out_.AppendRange(string, plain, pos);
    const CodePoint point = DecodeUtf8(text, pos);
    PrintEscape(point.value, string.TrustedAt(pos));
    pos += static_cast<size_t>(point.length);
    plain = pos;
  }
  out_.AppendRange(string, plain, text.size());
  out_.Append("\"", true);
}

void JsonPrinter::PrintKey(const Value& key) {
  if (key.is_string()) return PrintString(*key.string);
  if (!key.is_number() && !key.Is(Kind::kNone)) {
    RaiseType("keys of JSON objects must be strings, numbers, booleans or none, not '{}'",
              TypeName(key));
  }
  out_.Append("\"", true);
  Print(key, 0);
  out_.Append("\"", true);
}

void JsonPrinter::NewLine(int level) {
  if (style_.indent == nullptr) return;
  out_.Append("\n", true);
  out_.AppendRepeated(*style_.indent, level);
}

void JsonPrinter::PrintList(const List& list, int level) {
  out_.Append("[", true);
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out_.Append(*style_.item_separator);
    NewLine(level + 1);
    Print(list.items[i], level + 1);
  }
  if (!list.items.empty()) NewLine(level);
  out_.Append("]", true);
}

void JsonPrinter::PrintDict(const Dict& dict, int level) {
  Vector<std::pair<Value, Value>> entries(dict.entries, &heap_);
  if (style_.sort_keys) {
    StableSort(heap_, entries,
               [this](const auto& a, const auto& b) { return Less(heap_, a.first, b.first); });
  }
  out_.Append("{", true);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out_.Append(*style_.item_separator);
    NewLine(level + 1);
    PrintKey(entries[i].first);
    out_.Append(*style_.key_separator);
    Print(entries[i].second, level + 1);
  }
  if (!entries.empty()) NewLine(level);
  out_.Append("}", true);
}

void JsonPrinter::Print(const Value& value, int level) {
  heap_.Step();
  const Heap::Nest nest(heap_);
  switch (value.kind) {
    case Kind::kNone:
      return Scalar("null", value);
    case Kind::kBool:
      return Scalar(value.boolean ? "true" : "false", value);
    case Kind::kInt:
      return Scalar(fmt::format_int(value.integer).c_str(), value);
    case Kind::kFloat:
      return Scalar(Number(value.number), value);
    case Kind::kString:
      return PrintString(*value.string);
    case Kind::kList:
    case Kind::kTuple:
      return PrintList(*value.list, level);
    case Kind::kDict:
      return PrintDict(*value.dict, level);
    default:
      RaiseType("a value of type {} cannot be written as JSON", TypeName(value));
  }
}

}  // namespace

void PrintJson(TextBuilder& out, Heap& heap, const Value& value, const JsonStyle& style) {
  JsonPrinter(out, heap, style).Print(value, 0);
}

}  // namespace tael::jinja
