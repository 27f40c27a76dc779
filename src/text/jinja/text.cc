// Building, cutting and joining strings without losing the origin of their bytes.
#include "text/jinja/text.h"

#include <algorithm>
#include <cstring>

#include "base/utf8.h"

namespace tael::jinja {
namespace {

bool IsAscii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080u) != 0) return false;
  }
  for (; i < text.size(); ++i) {
    if ((text[i] & 0x80) != 0) return false;
  }
  return true;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The first run that ends after `byte`.
size_t RunIndex(std::span<const Run> runs, size_t byte) {
  const auto it = std::upper_bound(runs.begin(), runs.end(), byte,
                                   [](size_t at, const Run& run) { return at < run.end; });
  return static_cast<size_t>(it - runs.begin());
}

}  // namespace

bool String::TrustedAt(size_t byte) const {
  if (runs.empty()) return trusted;
  const size_t index = RunIndex(runs, byte);
  return index < runs.size() && runs[index].trusted;
}

void TextBuilder::Reserve(size_t more) {
  const int64_t size = static_cast<int64_t>(text_.size());
  if (static_cast<int64_t>(more) > max_bytes_ - size) {
    Raise(ErrorCode::kExhausted, "the output is longer than its budget of {} bytes", max_bytes_);
  }
  heap_.Expect(size + static_cast<int64_t>(more));
}

void TextBuilder::Mark(bool trusted) {
  if (!runs_.empty() && runs_.back().trusted == trusted) {
    runs_.back().end = text_.size();
  } else {
    heap_.Expect(static_cast<int64_t>(runs_.size()) + 1, sizeof(Run));
    runs_.push_back({text_.size(), trusted});
  }
}

void TextBuilder::Append(std::string_view bytes, bool trusted) {
  if (bytes.empty()) return;
  Reserve(bytes.size());
  text_.append(bytes);
  Mark(trusted);
}

void TextBuilder::AppendRange(const String& string, size_t begin, size_t end) {
  if (begin >= end) return;
  if (string.runs.empty()) {
    Append(string.text.substr(begin, end - begin), string.trusted);
    return;
  }
  for (size_t i = RunIndex(string.runs, begin); begin < end; ++i) {
    const size_t stop = std::min(end, string.runs[i].end);
    Append(string.text.substr(begin, stop - begin), string.runs[i].trusted);
    begin = stop;
  }
}

void TextBuilder::AppendRepeated(const String& string, int64_t count) {
  if (string.text.empty() || count <= 0) return;
  const int64_t pieces = string.runs.empty() ? 1 : static_cast<int64_t>(string.runs.size());
  heap_.Expect(count, static_cast<int64_t>(string.text.size()));
  heap_.Expect(count, pieces);
  Reserve(string.text.size() * static_cast<size_t>(count));
  heap_.Step(count / 64 * pieces);
  for (int64_t i = 0; i < count; ++i) Append(string);
}

void TextBuilder::AppendSpaces(int64_t count, bool trusted) {
  if (count <= 0) return;
  heap_.Expect(count);
  Reserve(static_cast<size_t>(count));
  text_.append(static_cast<size_t>(count), ' ');
  Mark(trusted);
}

void TextBuilder::AppendCodePoint(char32_t c, bool trusted) {
  std::string bytes;
  AppendUtf8(c, bytes);
  Append(bytes, trusted);
}

const String* TextBuilder::Finish(bool markup) const {
  String* string = heap_.New<String>();
  string->text = heap_.Copy(text_);
  string->markup = markup;
  string->ascii = IsAscii(string->text);
  if (runs_.size() == 1) {
    string->trusted = runs_[0].trusted;
  } else if (!runs_.empty()) {
    auto* runs = static_cast<Run*>(heap_.allocate(runs_.size() * sizeof(Run), alignof(Run)));
    std::copy(runs_.begin(), runs_.end(), runs);
    string->runs = {runs, runs_.size()};
  }
  return string;
}

const String* ViewString(Heap& heap, std::string_view bytes, bool trusted) {
  String* string = heap.New<String>();
  string->text = bytes;
  string->trusted = trusted;
  string->ascii = IsAscii(bytes);
  return string;
}

const String* CopyString(Heap& heap, std::string_view bytes, bool trusted) {
  return ViewString(heap, heap.Copy(bytes), trusted);
}

const String* Substring(Heap& heap, const String& string, size_t begin, size_t end) {
  if (begin >= end) begin = end = 0;
  if (begin == 0 && end == string.text.size()) return &string;
  String* part = heap.New<String>();
  part->text = string.text.substr(begin, end - begin);
  part->markup = string.markup;
  part->ascii = string.ascii || IsAscii(part->text);
  if (string.runs.empty() || begin == end) {
    part->trusted = string.runs.empty() ? string.trusted : true;
    return part;
  }
  const size_t first = RunIndex(string.runs, begin), last = RunIndex(string.runs, end - 1);
  if (first == last) {
    part->trusted = string.runs[first].trusted;
    return part;
  }
  const size_t count = last - first + 1;
  auto* runs = static_cast<Run*>(heap.allocate(count * sizeof(Run), alignof(Run)));
  for (size_t i = 0; i < count; ++i) {
    const Run& run = string.runs[first + i];
    runs[i] = {std::min(run.end, end) - begin, run.trusted};
  }
  part->runs = {runs, count};
  return part;
}

const String* Concatenate(Heap& heap, const String& left, const String& right) {
  if (left.markup == right.markup) {
    if (left.text.empty()) return &right;
    if (right.text.empty()) return &left;
  }
  TextBuilder builder(heap);
  builder.Append(left);
  builder.Append(right);
  return builder.Finish(left.markup || right.markup);
}

int64_t CharIndex(const String& string, size_t offset) {
  if (string.ascii) return static_cast<int64_t>(offset);
  int64_t count = 0;
  for (size_t i = 0; i < offset; ++i) count += !IsContinuation(string.text[i]);
  return count;
}

int64_t CharCount(const String& string) { return CharIndex(string, string.text.size()); }

size_t ByteOffset(const String& string, int64_t index) {
  if (string.ascii) return static_cast<size_t>(index);
  size_t pos = 0;
  for (; index > 0 && pos < string.text.size(); --index) pos += CharLength(string.text, pos);
  return pos;
}

size_t FindText(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  if (needle.size() > text.size() - from) return std::string_view::npos;
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

// Knuth, Morris, Pratt from the right end.
size_t FindLastText(std::string_view text, std::string_view needle) {
  const size_t n = needle.size();
  if (n > text.size()) return std::string_view::npos;
  if (n == 0) return text.size();
  const auto at = [&](size_t i) { return needle[n - 1 - i]; };  // the needle reversed
  std::vector<size_t> border(n, 0);
  for (size_t i = 1, k = 0; i < n; ++i) {
    while (k > 0 && at(i) != at(k)) k = border[k - 1];
    if (at(i) == at(k)) ++k;
    border[i] = k;
  }
  for (size_t pos = text.size(), k = 0; pos-- > 0;) {
    while (k > 0 && text[pos] != at(k)) k = border[k - 1];
    if (text[pos] == at(k)) ++k;
    if (k == n) return pos;
  }
  return std::string_view::npos;
}

size_t CharLength(std::string_view text, size_t pos) {
  size_t length = 1;
  while (pos + length < text.size() && IsContinuation(text[pos + length])) ++length;
  return length;
}

}  // namespace tael::jinja
