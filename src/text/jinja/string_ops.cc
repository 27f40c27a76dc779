// Case, stripping, splitting, joining and padding.
#include "text/jinja/string_ops.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/charset.h"

namespace tael::jinja {
namespace {

constexpr char32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;

// Greek sigma at the end of a word has a small letter of its own.
bool IsFinalSigma(std::string_view text, size_t begin, size_t end) {
  bool before = false;
  for (size_t pos = begin; pos > 0 && !before;) {
    do {
      --pos;
    } while (pos > 0 && (text[pos] & 0xC0) == 0x80);
    const char32_t c = DecodeUtf8(text, pos).value;
    before = IsCased(c);
    if (!before && !IsCaseIgnorable(c)) return false;
  }
  if (!before) return false;
  while (end < text.size()) {
    const CodePoint c = DecodeUtf8(text, end);
    if (IsCased(c.value)) return false;
    if (!IsCaseIgnorable(c.value)) return true;
    end += static_cast<size_t>(c.length);
  }
  return true;
}

int LowerAt(std::string_view text, size_t pos, const CodePoint& c, char32_t out[3]) {
  if (c.value != kSigma) return ToLower(c.value, out);
  out[0] = IsFinalSigma(text, pos, pos + static_cast<size_t>(c.length)) ? kFinalSigma : kSmallSigma;
  return 1;
}

void AppendMapped(TextBuilder& out, const char32_t* mapped, int count, bool trusted) {
  std::string bytes;
  for (int i = 0; i < count; ++i) AppendUtf8(mapped[i], bytes);
  out.Append(bytes, trusted);
}

bool IsTitleSeparator(char32_t c) {
  return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

// Case folding by way of the capital letters: sharp s becomes "ss", every sigma the same sigma.
int FoldAt(char32_t c, char32_t out[3]) {
  constexpr char32_t kDotlessI = 0x131;  // its capital would lead to another letter
  if (c == kDotlessI) {
    out[0] = c;
    return 1;
  }
  const int count = ToUpper(c, out);
  for (int i = 0; i < count; ++i) {
    char32_t lower[3];
    if (ToLower(out[i], lower) == 1) out[i] = lower[0];
  }
  return count;
}

// Calls map(c, pos, out) for every character.
template <typename Map>
const String* MapCharacters(Heap& heap, const String& text, Map map) {
  TextBuilder builder(heap);
  for (size_t pos = 0; pos < text.text.size();) {
    const CodePoint c = DecodeUtf8(text.text, pos);
    char32_t mapped[3];
    const int count = map(c, pos, mapped);
    AppendMapped(builder, mapped, count, text.TrustedAt(pos));
    pos += static_cast<size_t>(c.length);
  }
  return builder.Finish(text.markup);
}

// Space for one more item of a list that is being built.
void Push(Heap& heap, List& list, const String& text, size_t begin, size_t end) {
  list.items.push_back(Value::Str(Substring(heap, text, begin, end)));
}

size_t SpaceAt(std::string_view text, size_t pos) {
  const CodePoint c = DecodeUtf8(text, pos);
  return IsSpace(c.value) ? static_cast<size_t>(c.length) : 0;
}

// The start of the character that ends at `end`.
size_t Previous(std::string_view text, size_t end) {
  do {
    --end;
  } while (end > 0 && (text[end] & 0xC0) == 0x80);
  return end;
}

}  // namespace

const String* ChangeCase(Heap& heap, const String& text, CaseMode mode) {
  bool in_word = false;
  const auto map = [&](const CodePoint& c, size_t pos, char32_t out[3]) {
    switch (mode) {
      case CaseMode::kUpper:
        return ToUpper(c.value, out);
      case CaseMode::kLower:
        return LowerAt(text.text, pos, c, out);
      case CaseMode::kFold:
        return FoldAt(c.value, out);
      case CaseMode::kSwap:
        if (IsUpper(c.value)) return LowerAt(text.text, pos, c, out);
        return IsLower(c.value) ? ToUpper(c.value, out) : (out[0] = c.value, 1);
      case CaseMode::kCapitalize:
        return pos == 0 ? ToTitle(c.value, out) : LowerAt(text.text, pos, c, out);
      case CaseMode::kTitle: {
        const bool start = !in_word;
        in_word = IsCased(c.value);
        return start ? ToTitle(c.value, out) : LowerAt(text.text, pos, c, out);
      }
    }
    return 0;
  };
  return MapCharacters(heap, text, map);
}

const String* FilterTitle(Heap& heap, const String& text) {
  bool start = true;
  return MapCharacters(heap, text, [&](const CodePoint& c, size_t pos, char32_t out[3]) {
    const bool first = start;
    start = IsTitleSeparator(c.value);
    return first ? ToUpper(c.value, out) : LowerAt(text.text, pos, c, out);
  });
}

const String* Strip(Heap& heap, const String& text, const String* chars, bool left, bool right) {
  const std::string_view bytes = text.text;
  const auto strips = [&](size_t pos) {
    if (chars == nullptr) return SpaceAt(bytes, pos) > 0;
    heap.Step(static_cast<int64_t>(chars->text.size()) / 64);
    return chars->text.find(bytes.substr(pos, CharLength(bytes, pos))) != std::string_view::npos;
  };
  size_t begin = 0, end = bytes.size();
  while (left && begin < end && strips(begin)) begin += CharLength(bytes, begin);
  while (right && end > begin) {
    const size_t last = Previous(bytes, end);
    if (!strips(last)) break;
    end = last;
  }
  return Substring(heap, text, begin, end);
}

const String* ReplaceText(Heap& heap, const String& text, const String& from, const String& to,
                          int64_t count) {
  if (count < 0) count = INT64_MAX;
  TextBuilder builder(heap);
  size_t pos = 0;
  if (from.text.empty()) {  // between all characters, and at both ends
    while (count-- > 0) {
      heap.Step();
      builder.Append(to);
      if (pos >= text.text.size()) return builder.Finish(text.markup);
      const size_t length = CharLength(text.text, pos);
      builder.AppendRange(text, pos, pos + length);
      pos += length;
    }
  }
  while (count-- > 0 && !from.text.empty()) {
    const size_t found = FindText(text.text, from.text, pos);
    if (found == std::string_view::npos) break;
    heap.Step();
    builder.AppendRange(text, pos, found);
    builder.Append(to);
    pos = found + from.text.size();
  }
  if (pos == 0 && builder.text().empty()) return &text;
  builder.AppendRange(text, pos, text.text.size());
  return builder.Finish(text.markup);
}

const String* Pad(Heap& heap, const String& text, int64_t width, char align, const String& fill) {
  const int64_t length = CharCount(text);
  if (width <= length) return &text;
  const int64_t total = width - length;
  // Where Python's str.center puts the odd character.
  const int64_t left = align == '<' ? 0 : align == '>' ? total : total / 2 + (total & width & 1);
  TextBuilder builder(heap);
  builder.AppendRepeated(fill, left);
  builder.Append(text);
  builder.AppendRepeated(fill, total - left);
  return builder.Finish(text.markup);
}

List* Split(Heap& heap, const String& text, const String* separator, int64_t limit) {
  const std::string_view bytes = text.text;
  List* list = heap.New<List>(heap);
  if (limit < 0) limit = INT64_MAX;
  size_t pos = 0;
  if (separator != nullptr) {
    if (separator->text.empty()) RaiseType("the separator of split is empty");
    for (; limit > 0; --limit) {
      const size_t found = FindText(bytes, separator->text, pos);
      if (found == std::string_view::npos) break;
      Push(heap, *list, text, pos, found);
      pos = found + separator->text.size();
    }
    Push(heap, *list, text, pos, bytes.size());
    return list;
  }
  while (true) {
    while (pos < bytes.size() && SpaceAt(bytes, pos) > 0) pos += SpaceAt(bytes, pos);
    if (pos >= bytes.size()) return list;
    size_t end = pos;
    if (limit-- > 0) {
      while (end < bytes.size() && SpaceAt(bytes, end) == 0) end += CharLength(bytes, end);
    } else {
      end = bytes.size();
    }
    Push(heap, *list, text, pos, end);
    pos = end;
  }
}

List* SplitFromRight(Heap& heap, const String& text, const String* separator, int64_t limit) {
  const std::string_view bytes = text.text;
  List* list = heap.New<List>(heap);
  if (limit < 0) limit = INT64_MAX;
  size_t end = bytes.size();
  if (separator != nullptr) {
    if (separator->text.empty()) RaiseType("the separator of rsplit is empty");
    for (; limit > 0; --limit) {
      heap.Step(static_cast<int64_t>(separator->text.size()) / 64);
      const size_t found = FindLastText(bytes.substr(0, end), separator->text);
      if (found == std::string_view::npos) break;
      Push(heap, *list, text, found + separator->text.size(), end);
      end = found;
    }
    Push(heap, *list, text, 0, end);
  } else {
    while (true) {
      while (end > 0 && SpaceAt(bytes, Previous(bytes, end)) > 0) end = Previous(bytes, end);
      if (end == 0) break;
      size_t begin = end;
      if (limit-- > 0) {
        while (begin > 0 && SpaceAt(bytes, Previous(bytes, begin)) == 0) {
          begin = Previous(bytes, begin);
        }
      } else {
        begin = 0;
      }
      Push(heap, *list, text, begin, end);
      end = begin;
    }
  }
  std::reverse(list->items.begin(), list->items.end());
  return list;
}

List* SplitLines(Heap& heap, const String& text, bool keep_ends) {
  const std::string_view bytes = text.text;
  List* list = heap.New<List>(heap);
  for (size_t pos = 0; pos < bytes.size();) {
    size_t end = pos, next = pos;
    while (true) {
      if (end >= bytes.size()) {
        next = end;
        break;
      }
      const CodePoint c = DecodeUtf8(bytes, end);
      if (IsLineBreak(c.value)) {
        next = end + static_cast<size_t>(c.length);
        if (c.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
        break;
      }
      end += static_cast<size_t>(c.length);
    }
    Push(heap, *list, text, pos, keep_ends ? next : end);
    pos = next;
  }
  return list;
}

const String* Join(Heap& heap, const Vector<Value>& items, const String& separator) {
  TextBuilder builder(heap);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) builder.Append(separator);
    PrintStr(builder, heap, items[i]);
  }
  return builder.Finish();
}

}  // namespace tael::jinja
