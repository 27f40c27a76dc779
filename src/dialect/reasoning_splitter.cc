#include "dialect/reasoning_splitter.h"

#include <algorithm>

namespace tael {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view WithoutLeadingSpace(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

std::string_view WithoutTrailingSpace(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Length of the longest end of `text` that a longer text could turn into `marker`.
size_t BegunMarker(std::string_view text, std::string_view marker) {
  for (size_t n = std::min(text.size(), marker.size() - 1); n > 0; --n) {
    if (text.ends_with(marker.substr(0, n))) return n;
  }
  return 0;
}

size_t TrailingLineBreaks(std::string_view text) {
  return text.size() - (text.find_last_not_of("\r\n") + 1);
}

void Emit(bool reasoning, std::string_view text, std::vector<ReasoningSplitter::Piece>& out) {
  if (text.empty()) return;
  if (!out.empty() && out.back().reasoning == reasoning) {
    out.back().text += text;
  } else {
    out.push_back({reasoning, std::string(text)});
  }
}

}  // namespace

ReasoningStart FindReasoningStart(const ReasoningTags* tags, std::string_view prompt) {
  if (tags == nullptr) return ReasoningStart::kClosed;
  const std::string_view end = WithoutTrailingSpace(prompt);
  if (end.ends_with(tags->open)) return ReasoningStart::kInside;
  return end.ends_with(tags->close) ? ReasoningStart::kClosed : ReasoningStart::kModelDecides;
}

ReasoningSplitter::ReasoningSplitter(const ReasoningTags* tags, ReasoningStart start)
    : tags_(tags), state_(State::kStart) {
  if (tags == nullptr) {
    state_ = State::kAnswer;
    at_beginning_ = false;
  } else if (start == ReasoningStart::kInside) {
    state_ = State::kReasoning;
  } else if (start == ReasoningStart::kClosed) {
    state_ = State::kBeforeAnswer;
  }
}

std::vector<ReasoningSplitter::Piece> ReasoningSplitter::Push(std::string_view text) {
  held_ += text;
  std::vector<Piece> out;
  while (!held_.empty() && Step(/*last=*/false, out)) {
  }
  return out;
}

std::vector<ReasoningSplitter::Piece> ReasoningSplitter::Finish() {
  std::vector<Piece> out;
  while (!held_.empty() && Step(/*last=*/true, out)) {
  }
  return out;
}

bool ReasoningSplitter::Step(bool last, std::vector<Piece>& out) {
  switch (state_) {
    case State::kStart:
      return TakeStart(last);
    case State::kReasoning:
      return TakeUntil(tags_->close, /*reasoning=*/true, State::kBeforeAnswer, last, out);
    case State::kBeforeAnswer:
      return TakeAnswerOpen(last);
    case State::kWrappedAnswer:
      if (*tags_->answer_close != '\0') {
        return TakeUntil(tags_->answer_close, /*reasoning=*/false, State::kAfter, last, out);
      }
      state_ = State::kAnswer;
      return true;
    case State::kAfter: {
      const std::string_view rest = WithoutLeadingSpace(held_);
      if (rest.empty() && !last) return false;
      if (!rest.empty()) state_ = State::kAnswer;
      held_ = std::string(rest);
      return true;
    }
    case State::kAnswer:
      Emit(/*reasoning=*/false, held_, out);
      held_.clear();
      return false;
  }
  return false;
}

// Blank space and then the opening marker, or a model that answers at once.
bool ReasoningSplitter::TakeStart(bool last) {
  const std::string_view open = tags_->open, text = WithoutLeadingSpace(held_);
  if (text.starts_with(open)) {
    held_ = std::string(text.substr(open.size()));
    state_ = State::kReasoning;
    return true;
  }
  if (!last && open.starts_with(text)) return false;
  const auto may_open = [&](std::string_view opener) {
    return !opener.empty() && (text.starts_with(opener) || (!last && opener.starts_with(text)));
  };
  if (std::any_of(tags_->answer_opens.begin(), tags_->answer_opens.end(), may_open)) {
    return TakeAnswerOpen(last);
  }
  state_ = State::kAnswer;  // with the blank space that it begins with
  return true;
}

bool ReasoningSplitter::TakeUntil(std::string_view marker, bool reasoning, State next, bool last,
                                  std::vector<Piece>& out) {
  if (at_beginning_) DropLineBreaks();
  const size_t at = held_.find(marker);
  if (at != std::string::npos) {
    const std::string_view part = std::string_view(held_).substr(0, at);
    Emit(reasoning, part.substr(0, part.size() - TrailingLineBreaks(part)), out);
    held_.erase(0, at + marker.size());
    state_ = next;
    at_beginning_ = true;
    return true;
  }
  size_t ready = held_.size();
  if (!last) {
    ready -= BegunMarker(held_, marker);
    ready -= TrailingLineBreaks(std::string_view(held_).substr(0, ready));
  }
  if (ready > 0) at_beginning_ = false;
  Emit(reasoning, std::string_view(held_).substr(0, ready), out);
  held_.erase(0, ready);
  return false;
}

bool ReasoningSplitter::TakeAnswerOpen(bool last) {
  DropLineBreaks();
  const std::string_view text = WithoutLeadingSpace(held_);
  for (const std::string_view opener : tags_->answer_opens) {
    if (opener.empty()) continue;
    if (text.starts_with(opener)) {
      held_ = std::string(text.substr(opener.size()));
      state_ = State::kWrappedAnswer;
      at_beginning_ = true;
      return true;
    }
    if (!last && opener.starts_with(text)) {
      state_ = State::kBeforeAnswer;
      return false;
    }
  }
  if (held_.empty()) return false;
  state_ = State::kAnswer;
  return true;
}

void ReasoningSplitter::DropLineBreaks() {
  held_.erase(0, std::min(held_.find_first_not_of("\r\n"), held_.size()));
}

}  // namespace tael
