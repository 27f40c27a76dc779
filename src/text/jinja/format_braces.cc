// str.format: "{}", "{0}", "{name.attribute[item]!r:>8}", with the engine's own access rules.
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

class BraceFormatter {
 public:
  BraceFormatter(Interpreter& in, const Args& args) : in_(in), args_(args) {}
  void Write(TextBuilder& out, const String& format, int depth);

 private:
  void Field(TextBuilder& out, const String& field, int depth);
  Value Resolve(const String& name);
  Value Argument(std::string_view name);

  Interpreter& in_;
  const Args& args_;
  int64_t next_ = 0;  // automatic numbering; -1 once fields were numbered by hand
};

bool AllDigits(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

Value BraceFormatter::Argument(std::string_view name) {
  if (name.empty() || AllDigits(name)) {
    if (name.empty() ? next_ < 0 : next_ > 0) {
      RaiseType("format fields are numbered partly by hand and partly not");
    }
    int64_t index = next_;
    if (name.empty()) {
      ++next_;
    } else {
      index = std::stoll(std::string(name));
      next_ = -1;
    }
    if (static_cast<size_t>(index) >= args_.positional.size()) {
      RaiseType("the format has no argument number {}", index);
    }
    return args_.positional[static_cast<size_t>(index)];
  }
  for (const NamedArg& named : args_.named) {
    if (named.name->text == name) return named.value;
  }
  RaiseType("the format has no argument '{}'", name);
}

Value BraceFormatter::Resolve(const String& name) {
  const std::string_view text = name.text;
  size_t pos = std::min(text.find_first_of(".["), text.size());
  Value value = Argument(text.substr(0, pos));
  while (pos < text.size()) {
    if (text[pos] == '.') {
      const size_t end = std::min(text.find_first_of(".[", pos + 1), text.size());
      const String* attribute = Substring(in_.heap(), name, pos + 1, end);
      if (attribute->text.starts_with('_')) {
        RaiseType("access to attribute '{}' is refused", attribute->text);
      }
      value = GetAttribute(in_, value, *attribute);
      pos = end;
    } else if (text[pos] == '[') {
      const size_t end = text.find(']', pos);
      if (end == std::string_view::npos) RaiseType("a format field lacks its ']'");
      const String* key = Substring(in_.heap(), name, pos + 1, end);
      value = GetItem(
          in_, value,
          AllDigits(key->text) ? Value::Int(std::stoll(std::string(key->text))) : Value::Str(key));
      pos = end + 1;
    } else {
      RaiseType("a format field is malformed");
    }
    if (value.Is(Kind::kUndefined)) RaiseUndefined(value);
  }
  return value;
}

// `field`: what stands between the braces.
void BraceFormatter::Field(TextBuilder& out, const String& field, int depth) {
  const std::string_view text = field.text;
  Heap& heap = in_.heap();
  size_t name_end = 0;
  for (int brackets = 0; name_end < text.size(); ++name_end) {
    const char c = text[name_end];
    brackets += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (brackets <= 0 && (c == '!' || c == ':')) break;
  }
  Value value = Resolve(*Substring(heap, field, 0, name_end));
  size_t pos = name_end;
  if (pos < text.size() && text[pos] == '!') {
    const char conversion = pos + 1 < text.size() ? text[pos + 1] : 0;
    TextBuilder converted(heap);
    if (conversion == 's') {
      PrintStr(converted, heap, value);
    } else if (conversion == 'r' || conversion == 'a') {
      PrintRepr(converted, heap, value);
    } else {
      RaiseType("unknown conversion in a format field");
    }
    value = Value::Str(converted.Finish());
    pos += 2;
  }
  if (pos >= text.size()) return PrintStr(out, heap, value);
  if (text[pos] != ':') RaiseType("a format field is malformed");
  TextBuilder spec(heap);
  Write(spec, *Substring(heap, field, pos + 1, text.size()), depth + 1);
  FormatSpec(out, heap, value, spec.text());
}

void BraceFormatter::Write(TextBuilder& out, const String& format, int depth) {
  if (depth > 1) RaiseType("format fields are nested too deeply");
  const std::string_view text = format.text;
  for (size_t pos = 0; pos < text.size();) {
    const size_t brace = std::min(text.find_first_of("{}", pos), text.size());
    out.AppendRange(format, pos, brace);
    if (brace == text.size()) return;
    in_.heap().Step();
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      out.AppendRange(format, brace, brace + 1);
      pos = brace + 2;
      continue;
    }
    if (text[brace] == '}') RaiseType("single '}}' in a format");
    size_t end = brace + 1;
    for (int open = 1; end < text.size(); ++end) {
      open += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
      if (open == 0) break;
    }
    if (end >= text.size()) RaiseType("single '{{' in a format");
    Field(out, *Substring(in_.heap(), format, brace + 1, end), depth);
    pos = end + 1;
  }
}

}  // namespace

const String* FormatBraces(Interpreter& in, const String& format, const Args& args) {
  TextBuilder builder(in.heap());
  BraceFormatter(in, args).Write(builder, format, 0);
  return builder.Finish(format.markup);
}

}  // namespace tael::jinja
