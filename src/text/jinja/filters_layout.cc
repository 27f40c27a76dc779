// Filters that lay text out: indent, center, truncate, wordwrap, wordcount.
#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/charset.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/string_ops.h"

namespace tael::jinja {
namespace {

Value FilterIndent(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("indent", args, {"width", "first", "blank"});
  Heap& heap = in.heap();
  const bool first = p.Bool(1, false), blank = p.Bool(2, false);
  TextBuilder indentation(heap);
  if (p.Has(0) && p[0].is_string()) {
    indentation.Append(*p[0].string);
  } else {
    indentation.AppendSpaces(p.Int(0, 4));
  }
  const String* indent = indentation.Finish();
  const String* text = ToStr(heap, self);
  // The last line end is followed by an empty line, so that it counts as a line too.
  List* lines = SplitLines(heap, *text, false);
  if (text->text.empty() || IsLineBreak(static_cast<unsigned char>(text->text.back()))) {
    lines->items.push_back(Value::Str(Substring(heap, *text, 0, 0)));
  }
  TextBuilder builder(heap);
  for (size_t i = 0; i < lines->items.size(); ++i) {
    const String& line = *lines->items[i].string;
    if (i > 0) builder.Append("\n", text->fully_trusted());
    if (i == 0 ? first : (blank || !line.text.empty())) builder.Append(*indent);
    builder.Append(line);
  }
  return Value::Str(builder.Finish(text->markup));
}

Value FilterCenter(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("center", args, {"width"});
  String fill;
  fill.text = " ";
  return Value::Str(Pad(in.heap(), *ToStr(in.heap(), self), p.Int(0, 80), '^', fill));
}

Value FilterTruncate(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("truncate", args, {"length", "killwords", "end", "leeway"});
  Heap& heap = in.heap();
  String dots;
  dots.text = "...";
  const String* end = p.Text(2, &dots);
  const int64_t length = p.Int(0, 255), leeway = p.IsNoneOrMissing(3) ? 5 : p.Int(3, 5);
  const int64_t end_length = CharCount(*end);
  if (length < end_length || leeway < 0) RaiseType("truncate: the length or leeway is too small");
  if (self.Is(Kind::kUndefined)) return MakeText(in, "");
  if (!self.is_string()) RaiseType("truncate needs a string, not '{}'", TypeName(self));
  const String& text = *self.string;
  const int64_t count = CharCount(text);
  if (count - leeway <= length) return self;
  const String* cut = Substring(heap, text, 0, ByteOffset(text, length - end_length));
  if (!p.Bool(1, false)) {
    const size_t blank = cut->text.rfind(' ');
    if (blank != std::string_view::npos) cut = Substring(heap, *cut, 0, blank);
  }
  return Value::Str(Concatenate(heap, *cut, *end));
}

// The pieces that lines are made of: words, cut behind their hyphens, and the blanks between them.
std::vector<std::pair<size_t, size_t>> Chunks(Heap& heap, std::string_view text, bool hyphens) {
  heap.Expect(static_cast<int64_t>(text.size()), 2 * sizeof(size_t));
  std::vector<std::pair<size_t, size_t>> chunks;
  for (size_t pos = 0; pos < text.size();) {
    size_t end = pos;
    const bool blank = text[pos] == ' ' || text[pos] == '\t';
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t') == blank) {
      ++end;
      const bool letters = hyphens && !blank && text[end - 1] == '-' && end >= pos + 2 &&
                           std::isalpha(static_cast<unsigned char>(text[end - 2])) != 0 &&
                           end < text.size() &&
                           std::isalpha(static_cast<unsigned char>(text[end])) != 0;
      if (letters) break;
    }
    chunks.emplace_back(pos, end);
    pos = end;
  }
  return chunks;
}

struct Wrap {
  int64_t width;
  bool break_long, hyphens;
  const String* separator;
};

// One paragraph after the rules of Python's textwrap.
void WrapLine(Heap& heap, const String& line, const Wrap& wrap, TextBuilder& out) {
  auto chunks = Chunks(heap, line.text, wrap.hyphens);
  std::reverse(chunks.begin(), chunks.end());
  // Characters of a chunk, counted no further than one more than fit a line.
  const auto length = [&](const std::pair<size_t, size_t>& c) {
    if (line.ascii) return static_cast<int64_t>(c.second - c.first);
    int64_t count = 0;
    for (size_t pos = c.first; pos < c.second && count <= wrap.width; ++count) {
      pos += CharLength(line.text, pos);
    }
    return count;
  };
  const auto is_blank = [&](const std::pair<size_t, size_t>& c) {
    return line.text[c.first] == ' ' || line.text[c.first] == '\t';
  };
  bool first = true;
  while (!chunks.empty()) {
    heap.Step();
    if (!first && is_blank(chunks.back())) chunks.pop_back();
    std::vector<std::pair<size_t, size_t>> row;
    int64_t used = 0;
    while (!chunks.empty() && used + length(chunks.back()) <= wrap.width) {
      used += length(chunks.back());
      row.push_back(chunks.back());
      chunks.pop_back();
    }
    if (!chunks.empty() && length(chunks.back()) > wrap.width) {
      if (wrap.break_long) {
        auto& chunk = chunks.back();
        size_t cut = chunk.first;
        for (int64_t i = 0; i < std::max<int64_t>(wrap.width - used, 1); ++i) {
          cut += CharLength(line.text, cut);
        }
        row.emplace_back(chunk.first, cut);
        chunk.first = cut;
      } else if (row.empty()) {
        row.push_back(chunks.back());
        chunks.pop_back();
      }
    }
    if (!row.empty() && is_blank(row.back())) row.pop_back();
    if (row.empty()) continue;
    if (!first) out.Append(*wrap.separator);
    first = false;
    out.AppendRange(line, row.front().first, row.back().second);
  }
}

Value FilterWordwrap(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("wordwrap", args,
                     {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  Heap& heap = in.heap();
  String newline;
  newline.text = "\n";
  const Wrap wrap{p.Int(0, 79), p.Bool(1, true), p.Bool(3, true),
                  p.IsNoneOrMissing(2) ? &newline : p.Text(2)};
  if (wrap.width <= 0) RaiseType("wordwrap needs a positive width");
  TextBuilder builder(heap);
  const List* lines = SplitLines(heap, *ToStr(heap, self), false);
  for (size_t i = 0; i < lines->items.size(); ++i) {
    if (i > 0) builder.Append(*wrap.separator);
    WrapLine(heap, *lines->items[i].string, wrap, builder);
  }
  return Value::Str(builder.Finish());
}

Value FilterWordcount(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("wordcount", args, {});
  const std::string_view text = ToStr(in.heap(), self)->text;
  int64_t count = 0;
  bool in_word = false;
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint c = DecodeUtf8(text, pos);
    const bool word = c.value == '_' || IsAlnum(c.value);
    count += word && !in_word;
    in_word = word;
    pos += static_cast<size_t>(c.length);
  }
  return Value::Int(count);
}

constexpr NativeEntry kEntries[] = {
    {"indent", &FilterIndent},     {"center", &FilterCenter},       {"truncate", &FilterTruncate},
    {"wordwrap", &FilterWordwrap}, {"wordcount", &FilterWordcount},
};

}  // namespace

std::span<const NativeEntry> LayoutFilters() { return kEntries; }

}  // namespace tael::jinja
