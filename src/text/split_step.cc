// Matches and gaps of a piece, joined as the behaviour says.
#include "text/split_step.h"

#include "base/error.h"

namespace tael {
namespace {

struct Span {
  Piece piece;
  bool is_match = false;
};

// Appends the spans of one piece to `out` under a behaviour. The joining rules follow Hugging
// Face's: a match joins its neighbour unless that neighbour ends a match itself.
void Join(const std::vector<Span>& spans, SplitBehavior behavior, std::vector<Piece>& out) {
  const size_t first = out.size();
  bool previous_match = false;
  switch (behavior) {
    case SplitBehavior::kIsolated:
      for (const Span& span : spans) out.push_back(span.piece);
      return;
    case SplitBehavior::kRemoved:
      for (const Span& span : spans) {
        if (!span.is_match) out.push_back(span.piece);
      }
      return;
    case SplitBehavior::kContiguous:
      for (const Span& span : spans) {
        if (out.size() > first && span.is_match == previous_match) {
          out.back().end = span.piece.end;
        } else {
          out.push_back(span.piece);
        }
        previous_match = span.is_match;
      }
      return;
    case SplitBehavior::kMergedWithPrevious:
      for (const Span& span : spans) {
        if (span.is_match && !previous_match && out.size() > first) {
          out.back().end = span.piece.end;
        } else {
          out.push_back(span.piece);
        }
        previous_match = span.is_match;
      }
      return;
    case SplitBehavior::kMergedWithNext:
      for (size_t i = 0; i < spans.size(); ++i) {
        const bool joins = spans[i].is_match && i + 1 < spans.size() && !spans[i + 1].is_match;
        out.push_back(spans[i].piece);
        if (joins) out.back().end = spans[++i].piece.end;
      }
      return;
  }
}

}  // namespace

SplitBehavior SplitBehaviorFromName(std::string_view name, std::string_view where) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  Fail(ErrorCode::kUnsupported,
       "{}: unknown split behavior '{}'. Known: Removed, Isolated, MergedWithPrevious, "
       "MergedWithNext, Contiguous",
       where, name.substr(0, 100));
}

std::unique_ptr<SplitStep> SplitStep::FromRegex(std::string_view regex, std::string_view where,
                                                SplitBehavior behavior, bool invert) {
  std::unique_ptr<SplitStep> step(new SplitStep(behavior, invert));
  bool covers_all = false;
  const SplitFunction scanner = FindScanner(regex, &covers_all);
  // "Removed, inverted" drops the gaps; with a pattern that has none it keeps every match.
  const bool isolates = (behavior == SplitBehavior::kIsolated) ||
                        (behavior == SplitBehavior::kRemoved && invert && covers_all);
  if (scanner != nullptr && isolates) {
    step->scanner_ = scanner;
  } else {
    step->regex_.emplace(regex, where);
  }
  return step;
}

std::unique_ptr<SplitStep> SplitStep::FromString(std::string literal, SplitBehavior behavior,
                                                 bool invert) {
  std::unique_ptr<SplitStep> step(new SplitStep(behavior, invert));
  step->literal_ = std::move(literal);
  return step;
}

std::unique_ptr<SplitStep> SplitStep::FromFinder(MatchFinder finder, SplitBehavior behavior) {
  std::unique_ptr<SplitStep> step(new SplitStep(behavior, false));
  step->finder_ = finder;
  return step;
}

std::pair<size_t, size_t> SplitStep::Find(std::string_view text, size_t from) const {
  if (regex_) return regex_->Find(text, from);
  if (finder_ != nullptr) return finder_(text, from);
  if (literal_.empty()) return {std::string_view::npos, 0};
  const size_t at = text.find(literal_, from);
  return {at, at + literal_.size()};
}

void SplitStep::SplitPiece(std::string_view text, Piece piece, std::vector<Piece>& out) const {
  // The piece alone is the subject: lookaheads see its end as the end of the text.
  const std::string_view subject = PieceText(text, piece);
  std::vector<Span> spans;
  const auto add = [&](size_t begin, size_t end, bool is_match) {
    if (begin == end) return;
    spans.push_back(
        {{piece.begin + static_cast<uint32_t>(begin), piece.begin + static_cast<uint32_t>(end)},
         is_match != invert_});
  };
  size_t done = 0;
  while (done < subject.size()) {
    const auto [begin, end] = Find(subject, done);
    if (begin == std::string_view::npos) break;
    add(done, begin, false);
    add(begin, end, true);
    done = end;
  }
  add(done, subject.size(), false);
  Join(spans, behavior_, out);
}

void SplitStep::Apply(PreTokens& tokens, const SectionPlace&) const {
  std::vector<Piece> out;
  out.reserve(tokens.pieces.size() + tokens.text.size() / 4);
  for (const Piece piece : tokens.pieces) {
    if (scanner_ != nullptr) {
      scanner_(tokens.text, piece, out);
    } else {
      SplitPiece(tokens.text, piece, out);
    }
  }
  tokens.pieces = std::move(out);
}

}  // namespace tael
