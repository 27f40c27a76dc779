// The Split pre-tokenizer: cuts at the matches of a pattern, keeping, dropping or joining them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/pre_tokenizer.h"
#include "text/regex.h"
#include "text/scanner.h"

namespace tael {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Throws kUnsupported for an unknown name.
SplitBehavior SplitBehaviorFromName(std::string_view name, std::string_view where);

// Finds matches: [begin, end) of the next one in `text` from `from` on that is not empty, or npos.
using MatchFinder = std::pair<size_t, size_t> (*)(std::string_view text, size_t from);

class SplitStep : public PreTokenizerStep {
 public:
  static std::unique_ptr<SplitStep> FromRegex(std::string_view regex, std::string_view where,
                                              SplitBehavior behavior, bool invert);
  static std::unique_ptr<SplitStep> FromString(std::string literal, SplitBehavior behavior,
                                               bool invert);
  static std::unique_ptr<SplitStep> FromFinder(MatchFinder finder, SplitBehavior behavior);

  void Apply(PreTokens& tokens, const SectionPlace& place) const override;

 private:
  SplitStep(SplitBehavior behavior, bool invert) : behavior_(behavior), invert_(invert) {}
  std::pair<size_t, size_t> Find(std::string_view text, size_t from) const;
  void SplitPiece(std::string_view text, Piece piece, std::vector<Piece>& out) const;

  SplitBehavior behavior_;
  bool invert_;
  SplitFunction scanner_ = nullptr;  // set: used instead of everything below
  std::optional<Regex> regex_;
  MatchFinder finder_ = nullptr;
  std::string literal_;
};

}  // namespace tael
