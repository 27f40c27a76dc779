// Normalizers: what changes the text before it is cut into pre-tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/unicode.h"

namespace tael {

// Text, and for each byte whether it comes from trusted characters only. `trust` is empty when
// nobody needs to know; otherwise it has one byte (0 or 1) per byte of text.
struct TrackedText {
  std::string text;
  std::string trust;
  bool tracked() const { return !trust.empty(); }
};

// Where a stretch between added tokens lies.
struct SectionPlace {
  bool first = true;           // nothing precedes it
  bool after_special = false;  // a special added token precedes it directly
};

// Immutable; safe from several threads.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  virtual void Apply(TrackedText& text, const SectionPlace& place) const = 0;
};

using Normalizer = std::vector<std::unique_ptr<NormalizerStep>>;

void ApplyNormalizer(const Normalizer& normalizer, TrackedText& text, const SectionPlace& place);

// The "normalizer" of a tokenizer.json; null gives no steps. Throws kUnsupported for an unknown
// type or option, kCorrupt for a malformed one.
Normalizer NormalizerFromJson(const Json& value, std::string_view where);

// Steps used by other formats too.
std::unique_ptr<NormalizerStep> MakeUnicodeStep(unicode::NormalForm form);
std::unique_ptr<NormalizerStep> MakeReplaceStep(std::string from, std::string to);

// Shared by steps: builds the new text piece by piece while the trust of each piece is kept.
class TextBuilder {
 public:
  explicit TextBuilder(const TrackedText& source) : source_(source) {}
  // Copies source bytes [begin, end).
  void Keep(size_t begin, size_t end);
  // Writes `bytes` in place of source bytes [begin, end): trusted only when all of those are. An
  // empty range counts as trusted: the tokenizer itself wrote it.
  void Write(std::string_view bytes, size_t begin, size_t end);
  TrackedText Take() { return std::move(out_); }

 private:
  const TrackedText& source_;
  TrackedText out_;
};

}  // namespace tael
