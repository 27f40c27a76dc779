// str() and repr() as Python writes them.
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/charset.h"
#include "text/jinja/value.h"

namespace tael::jinja {
namespace {

void PrintEscaped(TextBuilder& out, char32_t c, bool trusted) {
  if (c < 0x100) {
    out.Append(fmt::format("\\x{:02x}", static_cast<uint32_t>(c)), trusted);
  } else if (c < 0x10000) {
    out.Append(fmt::format("\\u{:04x}", static_cast<uint32_t>(c)), trusted);
  } else {
    out.Append(fmt::format("\\U{:08x}", static_cast<uint32_t>(c)), trusted);
  }
}

void PrintQuoted(TextBuilder& out, const String& string) {
  const std::string_view text = string.text;
  const bool doubled =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const std::string_view quote = doubled ? "\"" : "'";
  out.Append(quote, true);
  size_t plain = 0;  // start of bytes not yet written that need no escape
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint c = DecodeUtf8(text, pos);
    const auto length = static_cast<size_t>(c.length);
    const bool special = c.value == '\\' || text.substr(pos, 1) == quote;
    if (special || !IsPrintable(c.value)) {
      out.AppendRange(string, plain, pos);
      plain = pos + length;
      const bool origin = string.TrustedAt(pos);
      if (special) {
        out.Append("\\", origin);
        out.Append(text.substr(pos, 1), origin);
      } else if (c.value == '\n' || c.value == '\r' || c.value == '\t') {
        out.Append(c.value == '\n' ? "\\n" : c.value == '\r' ? "\\r" : "\\t", origin);
      } else {
        PrintEscaped(out, c.value, origin);
      }
    }
    pos += length;
  }
  out.AppendRange(string, plain, text.size());
  out.Append(quote, true);
}

void PrintItems(TextBuilder& out, Heap& heap, const Vector<Value>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.Append(", ", true);
    PrintRepr(out, heap, items[i]);
  }
}

void PrintDict(TextBuilder& out, Heap& heap, const Dict& dict) {
  out.Append("{", true);
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0) out.Append(", ", true);
    PrintRepr(out, heap, dict.entries[i].first);
    out.Append(": ", true);
    PrintRepr(out, heap, dict.entries[i].second);
  }
  out.Append("}", true);
}

void PrintRange(TextBuilder& out, const Range& range) {
  const std::string ends = fmt::format("range({}, {}", range.start, range.stop);
  out.Append(range.step == 1 ? ends + ")" : fmt::format("{}, {})", ends, range.step), true);
}

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = shortest.find('e');
  const int exponent = std::stoi(std::string(shortest.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) {
    // Python writes at least two digits of exponent, as to_chars does.
    return std::string(shortest);
  }
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

void PrintStr(TextBuilder& out, Heap& heap, const Value& value) {
  if (value.is_string()) {
    out.Append(*value.string);
  } else if (!value.Is(Kind::kUndefined)) {
    PrintRepr(out, heap, value);
  }
}

void PrintRepr(TextBuilder& out, Heap& heap, const Value& value) {
  heap.Step();
  const Heap::Nest nest(heap);
  const bool trusted = !value.untrusted;
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
      return out.Append("Undefined", true);
    case Kind::kNone:
      return out.Append("None", trusted);
    case Kind::kBool:
      return out.Append(value.boolean ? "True" : "False", trusted);
    case Kind::kInt:
      return out.Append(fmt::format_int(value.integer).c_str(), trusted);
    case Kind::kFloat:
      return out.Append(FloatRepr(value.number), trusted);
    case Kind::kString:
      if (value.string->markup) out.Append("Markup(", true);
      PrintQuoted(out, *value.string);
      if (value.string->markup) out.Append(")", true);
      return;
    case Kind::kList:
      out.Append("[", true);
      PrintItems(out, heap, value.list->items);
      return out.Append("]", true);
    case Kind::kTuple:
      out.Append("(", true);
      PrintItems(out, heap, value.list->items);
      return out.Append(value.list->items.size() == 1 ? ",)" : ")", true);
    case Kind::kView:
      out.Append(value.list->view_name, true);
      out.Append("([", true);
      PrintItems(out, heap, value.list->items);
      return out.Append("])", true);
    case Kind::kDict:
      return PrintDict(out, heap, *value.dict);
    case Kind::kNamespace:
      out.Append("<Namespace ", true);
      PrintDict(out, heap, *value.dict);
      return out.Append(">", true);
    case Kind::kRange:
      return PrintRange(out, *value.range);
    case Kind::kIterator:
      return out.Append(fmt::format("<{} object>", value.iterator->type_name), true);
    case Kind::kObject:
      return value.object->Print(out);
  }
}

const String* ToStr(Heap& heap, const Value& value) {
  if (value.is_string()) return value.string;
  TextBuilder builder(heap);
  PrintStr(builder, heap, value);
  return builder.Finish();
}

}  // namespace tael::jinja
