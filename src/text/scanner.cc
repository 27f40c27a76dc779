// Each scanner finds the end of the match at a position the way the regular expression would,
// alternative by alternative; the comments quote the alternatives.
#include "text/scanner.h"

#include <array>

#include "text/unicode.h"

namespace tael {

namespace patterns {
const char* const kGpt2 =
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re";
const char* const kLlama3 =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
const char* const kQwen2 =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
const char* const kQwen35 =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
const char* const kGpt4o =
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
const char* const kTekken =
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
// Kimi's file intersects the letter classes with "not Han"; here as lookaheads, which PCRE2 knows.
const char* const kKimiK2 =
    R"re([\p{Han}]+|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
const char* const kDeepSeekV3 =
    "[!\"#$%&'()*+,\\-./"
    ":;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
    " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
const char* const kDeepSeekCjk = "[一-龥\u3040-ゟ゠-ヿ]+";
const char* const kDigit = R"re(\p{N})re";
const char* const kDigits = R"re(\p{N}+)re";
const char* const kUpTo3Digits = R"re(\p{N}{1,3})re";
}  // namespace patterns

namespace {

using namespace unicode;  // NOLINT: the class names read like the patterns

// A private class bit: carriage return and line feed.
constexpr uint16_t kNewline = 1 << 15;

struct Char {
  char32_t value = 0;
  uint16_t kind = 0;  // CharClass bits, kNewline
  uint32_t next = 0;  // where the following character begins
  bool Is(uint16_t classes) const { return (kind & classes) != 0; }
};

// Classes of ASCII, so that plain text needs one load per character.
const std::array<uint16_t, 128> kAscii = [] {
  std::array<uint16_t, 128> table{};
  for (char32_t c = 0; c < 128; ++c) table[c] = ClassOf(c);
  table['\r'] |= kNewline;
  table['\n'] |= kNewline;
  return table;
}();

// The text of one range; positions are absolute. Characters past the end have no class.
class Reader {
 public:
  Reader(std::string_view text, uint32_t end)
      : data_(reinterpret_cast<const uint8_t*>(text.data())), end_(end) {}

  uint32_t end() const { return end_; }

  Char At(uint32_t i) const {
    if (i >= end_) return {0, 0, i};
    const uint8_t* p = data_ + i;
    if (*p < 0x80) return {*p, kAscii[*p], i + 1};
    char32_t c;
    uint32_t length;
    if (*p < 0xE0) {
      c = (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
      length = 2;
    } else if (*p < 0xF0) {
      c = (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
      length = 3;
    } else {
      c = (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
      length = 4;
    }
    return {c, ClassOf(c), i + length};
  }

  // End of the run of characters with any of `classes` from `i` on.
  uint32_t Run(uint32_t i, uint16_t classes) const {
    for (;;) {
      const Char c = At(i);
      if (!c.Is(classes)) return i;
      i = c.next;
    }
  }
  // The same for characters with none of `classes`.
  uint32_t RunWithout(uint32_t i, uint16_t classes) const {
    while (i < end_) {
      const Char c = At(i);
      if (c.Is(classes)) return i;
      i = c.next;
    }
    return i;
  }

 private:
  const uint8_t* data_;
  uint32_t end_;
};

// `'s|'t|'re|'ve|'m|'ll|'d` at the apostrophe `i`; returns its end, or `i` for none. Without regard
// to case, U+017F (long s) counts as s.
template <bool kIgnoreCase>
uint32_t Contraction(const Reader& reader, uint32_t i) {
  const auto fold = [](const Char& c) -> char32_t {
    if (!kIgnoreCase) return c.value;
    if (c.value == 0x17F) return U's';
    return c.value >= U'A' && c.value <= U'Z' ? c.value + 32 : c.value;
  };
  const Char first = reader.At(i + 1);
  if (first.next == i + 1) return i;
  const char32_t a = fold(first);
  if (a == U's' || a == U't' || a == U'm' || a == U'd') return first.next;
  if (a != U'r' && a != U'v' && a != U'l') return i;
  const Char second = reader.At(first.next);
  const char32_t b = fold(second);
  return b == (a == U'l' ? U'l' : U'e') ? second.next : i;
}

// `\s*[\r\n]+|\s+(?!\S)|\s+` at a space; without newlines the first alternative is left out.
template <bool kNewlines>
uint32_t Spaces(const Reader& reader, uint32_t i) {
  uint32_t last = i, after_newline = i, at = i;
  for (;;) {
    const Char c = reader.At(at);
    if (!c.Is(kSpace)) break;
    last = at;
    at = c.next;
    if (kNewlines && c.Is(kNewline)) after_newline = at;
  }
  if (after_newline != i) return after_newline;
  return at == reader.end() || last == i ? at : last;
}

uint32_t Digits(const Reader& reader, uint32_t i, int most) {
  for (int count = 0; count < most; ++count) {
    const Char c = reader.At(i);
    if (!c.Is(kNumber)) break;
    i = c.next;
  }
  return i;
}

// ` ?[^\s\p{L}\p{N}]+[\r\n]*` where `excluded` holds the classes in the bracket; `i` if no match.
template <bool kNewlines, bool kSlash>
uint32_t Symbols(const Reader& reader, uint32_t i, uint16_t excluded) {
  const Char first = reader.At(i);
  const uint32_t begin = first.value == U' ' ? first.next : i;
  uint32_t at = reader.RunWithout(begin, excluded);
  if (at == begin) return i;
  while (kNewlines) {
    const Char c = reader.At(at);
    if (!c.Is(kNewline) && !(kSlash && c.value == U'/')) break;
    at = c.next;
  }
  return at;
}

struct Gpt2 {
  static uint32_t Match(const Reader& reader, uint32_t i) {
    const Char c = reader.At(i);
    if (c.value == U'\'') {
      const uint32_t end = Contraction<false>(reader, i);
      if (end != i) return end;
    }
    const Char head = c.value == U' ' ? reader.At(c.next) : c;  // after ` ?`
    if (head.Is(kLetter)) return reader.Run(head.next, kLetter);
    if (head.Is(kNumber)) return reader.Run(head.next, kNumber);
    const uint32_t end = Symbols<false, false>(reader, i, kSpace | kLetter | kNumber);
    return end != i ? end : Spaces<false>(reader, i);
  }
};

// Llama 3 and Qwen: `kLetters` is \p{L}, or [\p{L}\p{M}] for Qwen3.5.
template <int kMostDigits, uint16_t kLetters>
struct Llama3 {
  static uint32_t Match(const Reader& reader, uint32_t i) {
    const Char c = reader.At(i);
    if (c.Is(kLetters)) return reader.Run(c.next, kLetters);
    if (c.Is(kNumber)) return Digits(reader, i, kMostDigits);
    if (c.value == U'\'') {
      const uint32_t end = Contraction<true>(reader, i);
      if (end != i) return end;
    }
    if (!c.Is(kNewline)) {  // `[^\r\n\p{L}\p{N}]?` took c
      const Char head = reader.At(c.next);
      if (head.Is(kLetters)) return reader.Run(head.next, kLetters);
    }
    const uint32_t end = Symbols<true, false>(reader, i, kSpace | kLetters | kNumber);
    return end != i ? end : Spaces<true>(reader, i);
  }
};

// The two word patterns of o200k. `kHanApart`: characters of script Han are in no word (Kimi).
template <int kMostDigits, bool kContractions, bool kSlash, bool kHanApart>
struct Gpt4o {
  static constexpr uint16_t kCapital = kUpper | kTitle | kModifier | kOtherLetter | kMark;
  static constexpr uint16_t kSmall = kLower | kModifier | kOtherLetter | kMark;

  static bool In(const Char& c, uint16_t classes) {
    return c.Is(classes) && !(kHanApart && c.Is(kHan));
  }
  static uint32_t Run(const Reader& reader, uint32_t i, uint16_t classes) {
    for (;;) {
      const Char c = reader.At(i);
      if (!In(c, classes)) return i;
      i = c.next;
    }
  }

  // `CAPITAL*SMALL+` at i; `i` if no match. When no small letter follows the capitals, the last
  // character among them that is also small (a mark, a letter without case) ends the match.
  static uint32_t LowerWord(const Reader& reader, uint32_t i) {
    uint32_t at = i, fallback = i;
    for (;;) {
      const Char c = reader.At(at);
      if (!In(c, kCapital)) break;
      at = c.next;
      if (c.Is(kSmall)) fallback = at;
    }
    const uint32_t end = Run(reader, at, kSmall);
    return end != at ? end : fallback;
  }
  // `CAPITAL+SMALL*` at i.
  static uint32_t UpperWord(const Reader& reader, uint32_t i) {
    const uint32_t at = Run(reader, i, kCapital);
    return at == i ? i : Run(reader, at, kSmall);
  }

  static uint32_t Word(const Reader& reader, uint32_t i, const Char& c) {
    const bool prefix = !c.Is(kNewline | kLetter | kNumber);
    if (!prefix && !In(c, kLetter)) return i;
    for (const auto word : {LowerWord, UpperWord}) {
      uint32_t end = c.next;
      if (prefix) end = word(reader, c.next);
      if (!prefix || end == c.next) {
        end = word(reader, i);
        if (end == i) continue;
      }
      if (kContractions && reader.At(end).value == U'\'') return Contraction<true>(reader, end);
      return end;
    }
    return i;
  }

  static uint32_t Match(const Reader& reader, uint32_t i) {
    const Char c = reader.At(i);
    if (kHanApart && c.Is(kHan)) return reader.Run(c.next, kHan);
    uint32_t end = Word(reader, i, c);
    if (end != i) return end;
    if (c.Is(kNumber)) return Digits(reader, i, kMostDigits);
    end = Symbols<true, kSlash>(reader, i, kSpace | kLetter | kNumber);
    return end != i ? end : Spaces<true>(reader, i);
  }
};

// The third split of DeepSeek V3; `i` when nothing matches there.
struct DeepSeekV3 {
  static bool IsAsciiLetter(char32_t c) { return (c | 32) >= U'a' && (c | 32) <= U'z'; }

  static uint32_t Match(const Reader& reader, uint32_t i) {
    const Char c = reader.At(i);
    if (c.Is(kLetter | kMark)) return reader.Run(c.next, kLetter | kMark);
    const Char head = reader.At(c.next);
    if (c.value < 0x80 && c.Is(kPunctuation | kSymbol) && IsAsciiLetter(head.value)) {
      uint32_t at = head.next;
      while (IsAsciiLetter(reader.At(at).value)) ++at;
      return at;
    }
    if (!c.Is(kNewline | kPunctuation | kSymbol) && head.Is(kLetter | kMark)) {
      return reader.Run(head.next, kLetter | kMark);
    }
    const uint32_t begin = c.value == U' ' ? c.next : i;
    const uint32_t end = reader.Run(begin, kPunctuation | kSymbol);
    if (end != begin) return reader.Run(end, kNewline);
    return c.Is(kSpace) ? Spaces<true>(reader, i) : i;
  }
};

struct CjkRun {
  static uint32_t Match(const Reader& reader, uint32_t i) {
    for (;;) {
      const Char c = reader.At(i);
      const bool cjk =
          (c.value >= 0x4E00 && c.value <= 0x9FA5) || (c.value >= 0x3040 && c.value <= 0x30FF);
      if (!cjk) return i;
      i = c.next;
    }
  }
};

template <int kMost>
struct DigitRun {
  static uint32_t Match(const Reader& reader, uint32_t i) { return Digits(reader, i, kMost); }
};

// The driver: where nothing matches, a gap grows until the next match.
template <typename Pattern>
void Split(std::string_view text, Piece range, std::vector<Piece>& out) {
  const Reader reader(text, range.end);
  uint32_t gap = range.begin;
  for (uint32_t i = range.begin; i < range.end;) {
    const uint32_t end = Pattern::Match(reader, i);
    if (end == i) {
      i = reader.At(i).next;
      continue;
    }
    if (gap < i) out.push_back({gap, i});
    out.push_back({i, end});
    gap = i = end;
  }
  if (gap < range.end) out.push_back({gap, range.end});
}

struct Entry {
  const char* pattern;
  SplitFunction split;
  bool covers_all;
};

const std::vector<Entry>& Entries() {
  static const std::vector<Entry> entries = {
      {patterns::kGpt2, Split<Gpt2>, true},
      {patterns::kLlama3, Split<Llama3<3, kLetter>>, true},
      {patterns::kQwen2, Split<Llama3<1, kLetter>>, true},
      {patterns::kQwen35, Split<Llama3<1, kLetter | kMark>>, true},
      {patterns::kGpt4o, Split<Gpt4o<3, true, true, false>>, true},
      {patterns::kTekken, Split<Gpt4o<1, false, true, false>>, true},
      {patterns::kKimiK2, Split<Gpt4o<3, true, false, true>>, true},
      {patterns::kDeepSeekV3, Split<DeepSeekV3>, false},
      {patterns::kDeepSeekCjk, Split<CjkRun>, false},
      {patterns::kDigit, Split<DigitRun<1>>, false},
      {patterns::kDigits, Split<DigitRun<INT32_MAX>>, false},
      {patterns::kUpTo3Digits, Split<DigitRun<3>>, false},
  };
  return entries;
}

}  // namespace

SplitFunction FindScanner(std::string_view regex, bool* covers_all) {
  for (const Entry& entry : Entries()) {
    if (regex != entry.pattern) continue;
    *covers_all = entry.covers_all;
    return entry.split;
  }
  return nullptr;
}

std::vector<std::string_view> ScannerPatterns() {
  std::vector<std::string_view> all;
  for (const Entry& entry : Entries()) all.emplace_back(entry.pattern);
  return all;
}

}  // namespace tael
