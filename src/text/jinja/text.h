// Strings of a template: UTF-8 whose every byte knows whether the template wrote it (trusted) or
// it came from outside (untrusted).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/heap.h"

namespace tael::jinja {

// A stretch of equal origin that ends (exclusive) at byte `end`.
struct Run {
  size_t end;
  bool trusted;
};

// Immutable; bytes and runs live in a heap or outlive it.
struct String {
  std::string_view text = {};
  std::span<const Run> runs = {};  // empty when all bytes have the origin `trusted`
  bool trusted = true;             // meaningless when there are runs
  bool markup = false;             // went through |safe or |escape (Python's Markup)
  bool ascii = true;               // every character is one byte

  bool TrustedAt(size_t byte) const;
  bool fully_trusted() const { return runs.empty() && trusted; }
};

// Collects bytes with their origin. Refuses to grow past `max_bytes` (kExhausted).
class TextBuilder {
 public:
  // `heap` must outlive this; the text may be at most `max_bytes` long and must fit the heap.
  explicit TextBuilder(Heap& heap, int64_t max_bytes = INT64_MAX)
      : heap_(heap), max_bytes_(max_bytes) {}

  void Append(std::string_view bytes, bool trusted);
  void Append(const String& string) { AppendRange(string, 0, string.text.size()); }
  // Bytes [begin, end) of `string` with their origins.
  void AppendRange(const String& string, size_t begin, size_t end);
  // `count` copies of `string`; the size is checked first.
  void AppendRepeated(const String& string, int64_t count);
  void AppendSpaces(int64_t count, bool trusted = true);
  void AppendCodePoint(char32_t c, bool trusted);

  std::string_view text() const { return text_; }
  const std::vector<Run>& runs() const { return runs_; }
  const String* Finish(bool markup = false) const;  // a copy in the heap

 private:
  void Mark(bool trusted);
  void Reserve(size_t more);

  Heap& heap_;
  int64_t max_bytes_;
  std::string text_;
  std::vector<Run> runs_;  // adjacent runs differ in origin
};

const String* CopyString(Heap& heap, std::string_view bytes, bool trusted = true);
// Shares `bytes`, which must live as long as the heap.
const String* ViewString(Heap& heap, std::string_view bytes, bool trusted = true);
// Bytes [begin, end); shares the bytes of `string`.
const String* Substring(Heap& heap, const String& string, size_t begin, size_t end);
const String* Concatenate(Heap& heap, const String& left, const String& right);

int64_t CharCount(const String& string);
// Byte offset of character number `index`. REQUIRES: 0 <= index <= CharCount(string).
size_t ByteOffset(const String& string, int64_t index);
// Characters before byte `offset`.
int64_t CharIndex(const String& string, size_t offset);
// Position of `needle` at or after `from`, or npos; linear in the worst case, unlike the library's.
size_t FindText(std::string_view text, std::string_view needle, size_t from = 0);
// The last position of `needle`, or npos; linear too.
size_t FindLastText(std::string_view text, std::string_view needle);
// Accounts for one walk over a string that allocates nothing.
inline void ChargeScan(Heap& heap, const String& string) {
  heap.Step(static_cast<int64_t>(string.text.size()) / 64);
}
// Length in bytes of the character that begins at text[pos].
size_t CharLength(std::string_view text, size_t pos);

}  // namespace tael::jinja
