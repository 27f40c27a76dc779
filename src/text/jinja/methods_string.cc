// The methods of str.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/string_ops.h"

namespace tael::jinja {
namespace {

template <CaseMode kMode>
Value MethodCase(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("the method", args, {});
  return Value::Str(ChangeCase(in.heap(), *self.string, kMode));
}

template <bool kLeft, bool kRight>
Value MethodStrip(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("strip", args, {""});
  const String* chars = p.IsNoneOrMissing(0) ? nullptr : p.Text(0);
  return Value::Str(Strip(in.heap(), *self.string, chars, kLeft, kRight));
}

template <bool kFromRight>
Value MethodSplit(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("split", args, {"sep", "maxsplit"});
  const String* separator = p.IsNoneOrMissing(0) ? nullptr : p.Text(0);
  const auto split = kFromRight ? &SplitFromRight : &Split;
  return Value::OfList(split(in.heap(), *self.string, separator, p.Int(1, -1)));
}

Value MethodSplitLines(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("splitlines", args, {"keepends"});
  return Value::OfList(SplitLines(in.heap(), *self.string, p.Bool(0, false)));
}

template <bool kLast>
Value MethodPartition(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("partition", args, {""}, 1);
  const String& text = *self.string;
  const String& separator = *p.Text(0);
  if (separator.text.empty()) RaiseType("the separator of partition is empty");
  const size_t at =
      kLast ? FindLastText(text.text, separator.text) : FindText(text.text, separator.text);
  Heap& heap = in.heap();
  List* parts = NewList(in);
  const auto push = [&](size_t begin, size_t end) {
    parts->items.push_back(Value::Str(Substring(heap, text, begin, end)));
  };
  if (at == std::string_view::npos) {
    if (!kLast) push(0, text.text.size());
    push(0, 0);
    push(0, 0);
    if (kLast) push(0, text.text.size());
  } else {
    push(0, at);
    push(at, at + separator.text.size());
    push(at + separator.text.size(), text.text.size());
  }
  return Value::OfList(parts, Kind::kTuple);
}

// Byte range of the optional start and end arguments at index `first`.
struct Window {
  size_t begin, end;
  bool valid;  // false: the start lies behind the end
};

Window WindowOf(const String& text, const Parameters& p, size_t first) {
  const int64_t length = CharCount(text);
  const auto clip = [&](size_t i, int64_t fallback) {
    if (p.IsNoneOrMissing(i)) return fallback;
    const int64_t at = p.Int(i, fallback);
    return at < 0 ? std::max<int64_t>(at < -length ? 0 : at + length, 0) : at;
  };
  const int64_t begin = clip(first, 0), end = std::min(clip(first + 1, length), length);
  if (begin > length || begin > end) return {0, 0, false};
  return {ByteOffset(text, begin), ByteOffset(text, end), true};
}

template <bool kLast, bool kMustExist>
Value MethodFind(Interpreter&, const Value& self, const Args& args) {
  const Parameters p(kMustExist ? "index" : "find", args, {"", "", ""}, 1);
  const String& text = *self.string;
  const std::string_view needle = p.Text(0)->text;
  const Window window = WindowOf(text, p, 1);
  const std::string_view part = text.text.substr(window.begin, window.end - window.begin);
  size_t at = std::string_view::npos;
  if (window.valid) at = kLast ? FindLastText(part, needle) : FindText(part, needle);
  if (at != std::string_view::npos) return Value::Int(CharIndex(text, window.begin + at));
  if (kMustExist) RaiseType("substring not found");
  return Value::Int(-1);
}

Value MethodCount(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("count", args, {"", "", ""}, 1);
  const String& text = *self.string;
  const std::string_view needle = p.Text(0)->text;
  const Window window = WindowOf(text, p, 1);
  if (!window.valid) return Value::Int(0);
  const std::string_view part = text.text.substr(window.begin, window.end - window.begin);
  if (needle.empty()) return Value::Int(CharCount({.text = part, .ascii = false}) + 1);
  int64_t count = 0;
  for (size_t at = FindText(part, needle); at != std::string_view::npos;
       at = FindText(part, needle, at + needle.size())) {
    ++count;
  }
  return Value::Int(count);
}

template <bool kEnd>
Value MethodStartsWith(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p(kEnd ? "endswith" : "startswith", args, {"", "", ""}, 1);
  const Window window = WindowOf(*self.string, p, 1);
  const std::string_view part = self.string->text.substr(window.begin, window.end - window.begin);
  Vector<Value> candidates(&in.heap());
  if (p[0].Is(Kind::kTuple)) {
    candidates = ToItems(in.heap(), p[0]);
  } else {
    p.Text(0);
    candidates.push_back(p[0]);
  }
  bool found = false;
  for (const Value& candidate : candidates) {
    if (!candidate.is_string()) RaiseType("startswith and endswith compare strings");
    const std::string_view affix = candidate.string->text;
    found |= window.valid && (kEnd ? part.ends_with(affix) : part.starts_with(affix));
  }
  return Value::Bool(found);
}

template <bool kSuffix>
Value MethodRemove(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("removeprefix", args, {""}, 1);
  const std::string_view text = self.string->text, affix = p.Text(0)->text;
  if (kSuffix ? !text.ends_with(affix) : !text.starts_with(affix)) return self;
  const size_t begin = kSuffix ? 0 : affix.size();
  return Value::Str(Substring(in.heap(), *self.string, begin, begin + text.size() - affix.size()));
}

Value MethodReplace(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("replace", args, {"", "", ""}, 2);
  return Value::Str(ReplaceText(in.heap(), *self.string, *p.Text(0), *p.Text(1), p.Int(2, -1)));
}

Value MethodJoin(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("join", args, {""}, 1);
  const Vector<Value> items = ToItems(in.heap(), p[0]);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) {
      RaiseType("item {} to join is no string but '{}'", i, TypeName(items[i]));
    }
  }
  return Value::Str(Join(in.heap(), items, *self.string));
}

template <char kAlign>
Value MethodPad(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("center", args, {"", ""}, 1);
  String blank;
  blank.text = " ";
  const String* fill = p.Text(1, &blank);
  if (CharCount(*fill) != 1) RaiseType("the fill must be one character");
  return Value::Str(Pad(in.heap(), *self.string, p.Int(0, 0), kAlign, *fill));
}

Value MethodZfill(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("zfill", args, {""}, 1);
  const String& text = *self.string;
  const int64_t missing = p.Int(0, 0) - CharCount(text);
  if (missing <= 0) return self;
  const size_t sign = text.text.starts_with('-') || text.text.starts_with('+') ? 1 : 0;
  String zero;
  zero.text = "0";
  TextBuilder builder(in.heap());
  builder.AppendRange(text, 0, sign);
  builder.AppendRepeated(zero, missing);
  builder.AppendRange(text, sign, text.text.size());
  return Value::Str(builder.Finish());
}

Value MethodExpandTabs(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("expandtabs", args, {"tabsize"});
  const int64_t size = p.Int(0, 8);
  const String& text = *self.string;
  TextBuilder builder(in.heap());
  int64_t column = 0;
  for (size_t pos = 0; pos < text.text.size();) {
    const size_t length = CharLength(text.text, pos);
    const char c = text.text[pos];
    if (c == '\t') {
      const int64_t blanks = size > 0 ? size - column % size : 0;
      builder.AppendSpaces(blanks, text.TrustedAt(pos));
      column += blanks;
    } else {
      builder.AppendRange(text, pos, pos + length);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    pos += length;
  }
  return Value::Str(builder.Finish());
}

Value MethodFormat(Interpreter& in, const Value& self, const Args& args) {
  return Value::Str(FormatBraces(in, *self.string, args));
}

Value MethodFormatMap(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("format_map", args, {""}, 1);
  if (!p[0].Is(Kind::kDict)) RaiseType("format_map needs a mapping");
  Vector<NamedArg> named(&in.heap());
  for (const auto& [key, value] : p[0].dict->entries) {
    if (key.is_string()) named.push_back({key.string, value});
  }
  return Value::Str(FormatBraces(in, *self.string, {{}, named}));
}

constexpr NativeEntry kEntries[] = {
    {"upper", &MethodCase<CaseMode::kUpper>},
    {"lower", &MethodCase<CaseMode::kLower>},
    {"casefold", &MethodCase<CaseMode::kFold>},
    {"title", &MethodCase<CaseMode::kTitle>},
    {"capitalize", &MethodCase<CaseMode::kCapitalize>},
    {"swapcase", &MethodCase<CaseMode::kSwap>},
    {"strip", &MethodStrip<true, true>},
    {"lstrip", &MethodStrip<true, false>},
    {"rstrip", &MethodStrip<false, true>},
    {"split", &MethodSplit<false>},
    {"rsplit", &MethodSplit<true>},
    {"splitlines", &MethodSplitLines},
    {"partition", &MethodPartition<false>},
    {"rpartition", &MethodPartition<true>},
    {"find", &MethodFind<false, false>},
    {"rfind", &MethodFind<true, false>},
    {"index", &MethodFind<false, true>},
    {"rindex", &MethodFind<true, true>},
    {"count", &MethodCount},
    {"startswith", &MethodStartsWith<false>},
    {"endswith", &MethodStartsWith<true>},
    {"removeprefix", &MethodRemove<false>},
    {"removesuffix", &MethodRemove<true>},
    {"replace", &MethodReplace},
    {"join", &MethodJoin},
    {"center", &MethodPad<'^'>},
    {"ljust", &MethodPad<'<'>},
    {"rjust", &MethodPad<'>'>},
    {"zfill", &MethodZfill},
    {"expandtabs", &MethodExpandTabs},
    {"format", &MethodFormat},
    {"format_map", &MethodFormatMap},
};

}  // namespace

std::span<const NativeEntry> StringMethods() { return kEntries; }

}  // namespace tael::jinja
