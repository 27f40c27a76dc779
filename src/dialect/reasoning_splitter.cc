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

}  // namespace

ReasoningStart FindReasoningStart(const ReasoningTags* tags, const std::vector<TextSpan>& prompt) {
  if (tags == nullptr) return ReasoningStart::kClosed;
  std::string written;
  for (auto span = prompt.rbegin(); span != prompt.rend() && span->trusted; ++span) {
    written.insert(0, span->text);
  }
  const std::string_view end = WithoutTrailingSpace(written);
  if (end.ends_with(tags->open)) return ReasoningStart::kInside;
  for (const std::string_view opener : tags->answer_opens) {
    if (!opener.empty() && end.ends_with(opener)) return ReasoningStart::kAnswer;
  }
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
  } else if (start == ReasoningStart::kAnswer) {
    state_ = State::kWrappedAnswer;
  }
}

std::vector<ReasoningSplitter::Piece> ReasoningSplitter::Push(std::string_view text) {
  held_ += text;
  std::vector<Piece> out;
  while (!held_.empty() && Step(/*last=*/false, out)) {
  }
  return out;
}

std::vector<ReasoningSplitter::Piece> ReasoningSplitter::Finish(bool closing) {
  std::vector<Piece> out;
  // Within the reasoning nothing but line breaks and a begun marker is ever held back.
  if (closing && state_ == State::kReasoning) held_.clear();
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
  if (TakeOpener(text)) return true;
  const bool may_become_opener = MayBecomeOpener(text);
  if (!last && (may_become_opener || open.starts_with(text))) return false;
  if (last && may_become_opener && !text.empty()) {
    held_.clear();
    return false;
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
  if (TakeOpener(text)) return true;
  if (MayBecomeOpener(text)) {
    if (last) held_.clear();  // the text ended inside a marker: that is nobody's answer
    return false;
  }
  if (held_.empty()) return false;
  state_ = State::kAnswer;
  return true;
}

bool ReasoningSplitter::TakeOpener(std::string_view text) {
  const auto take = [&](std::string_view opener, State next) {
    if (opener.empty() || !text.starts_with(opener)) return false;
    held_ = std::string(text.substr(opener.size()));
    state_ = next;
    at_beginning_ = true;
    return true;
  };
  for (const char* opener : tags_->reopens) {
    if (!take(opener, State::kReasoning)) continue;
    apart_ = reasoned_;
    return true;
  }
  return std::any_of(tags_->answer_opens.begin(), tags_->answer_opens.end(),
                     [&](const char* opener) { return take(opener, State::kWrappedAnswer); });
}

bool ReasoningSplitter::MayBecomeOpener(std::string_view text) const {
  const auto may_be = [&](std::string_view opener) {
    return !opener.empty() && opener.starts_with(text);
  };
  return std::any_of(tags_->reopens.begin(), tags_->reopens.end(), may_be) ||
         std::any_of(tags_->answer_opens.begin(), tags_->answer_opens.end(), may_be);
}

void ReasoningSplitter::Emit(bool reasoning, std::string_view text, std::vector<Piece>& out) {
  if (text.empty()) return;
  if (out.empty() || out.back().reasoning != reasoning) out.push_back({reasoning, ""});
  if (reasoning && apart_) out.back().text += "\n\n";
  out.back().text += text;
  if (!reasoning) return;
  apart_ = false;
  reasoned_ = true;
}

void ReasoningSplitter::DropLineBreaks() {
  held_.erase(0, std::min(held_.find_first_not_of("\r\n"), held_.size()));
}

}  // namespace tael
