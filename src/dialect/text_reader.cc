#include "dialect/text_reader.h"

#include <algorithm>
#include <utility>

namespace tael {
namespace {

bool IsLineBreak(char c) { return c == '\n' || c == '\r'; }
bool IsSpace(char c) { return IsLineBreak(c) || c == ' ' || c == '\t'; }

void Append(const std::vector<Marker>& more, std::vector<Marker>& markers) {
  markers.insert(markers.end(), more.begin(), more.end());
}

}  // namespace

TextReader::TextReader(const DialectOptions& options, EventWriter& events)
    : tags_(options.reasoning), events_(events) {
  if (options.calls != nullptr) {
    calls_ = std::make_unique<CallReader>(*options.calls, options.tools, events);
    calls_in_reasoning_ = options.calls->in_reasoning;
  }
  MakeMarkers();
  if (tags_ == nullptr) {
    state_ = State::kAnswer;
  } else if (options.start == ReasoningStart::kInside) {
    state_ = State::kReasoning;
  } else if (options.start == ReasoningStart::kClosed) {
    state_ = State::kBeforeAnswer;
  } else if (options.start == ReasoningStart::kAnswer) {
    state_ = State::kWrappedAnswer;
  }
}

void TextReader::MakeMarkers() {
  const std::vector<Marker> calls = calls_ ? calls_->openers() : std::vector<Marker>();
  if (tags_ != nullptr) {
    for (const char* open : tags_->answer_opens) {
      AddMarker(open, MarkerRole::kAnswerOpen, &before_markers_);
    }
    start_markers_ = before_markers_;
    AddMarker(tags_->open, MarkerRole::kReasoningOpen, &start_markers_);
    AddMarker(tags_->close, MarkerRole::kReasoningClose, &reasoning_markers_);
    AddMarker(tags_->answer_close, MarkerRole::kAnswerClose, &wrapped_markers_);
  }
  if (calls_in_reasoning_) Append(calls, reasoning_markers_);
  for (auto* markers : {&start_markers_, &before_markers_, &answer_markers_, &wrapped_markers_,
                        &after_call_markers_}) {
    Append(calls, *markers);
  }
  if (calls_) Append(calls_->closers(), after_call_markers_);
}

const std::vector<Marker>& TextReader::Markers() const {
  if (in_call_) return calls_->Markers();
  switch (state_) {
    case State::kStart:
      return start_markers_;
    case State::kReasoning:
      return reasoning_markers_;
    case State::kBeforeAnswer:
      return before_markers_;
    case State::kWrappedAnswer:
      return wrapped_markers_;
    case State::kAnswer:
    case State::kAfter:
      return after_call_ ? after_call_markers_ : answer_markers_;
  }
  return none_;
}

bool TextReader::OnSymbol(const Symbol& symbol) {
  if (in_call_) return OnCallSymbol(symbol);
  if (symbol.marker != nullptr) {
    OnMarker(symbol);
  } else {
    OnByte(symbol.byte());
  }
  return true;
}

bool TextReader::OnCallSymbol(const Symbol& symbol) {
  const int calls_before = events_.num_calls();
  const Step step = calls_->OnSymbol(symbol);
  if (events_.num_calls() > calls_before) {
    held_.clear();  // the blank space before a call is the call's
    after_call_ = true;
  }
  if (step == Step::kMore || step == Step::kAgain) return step == Step::kMore;
  in_call_ = false;
  if (step == Step::kDone) return true;
  GiveBack(calls_->TakeRaw());
  return false;
}

void TextReader::GiveBack(const std::string& raw) {
  if (raw.empty()) return;
  if (TrimSpace(raw).empty()) {
    held_ += raw;
    return;
  }
  const std::string text = std::exchange(held_, "") + raw;
  state_ == State::kReasoning ? WriteReasoning(text) : WriteAnswer(text);
}

void TextReader::OnMarker(const Symbol& symbol) {
  switch (symbol.marker->role) {
    case MarkerRole::kReasoningOpen:
      held_.clear();
      state_ = State::kReasoning;
      return;
    case MarkerRole::kReasoningClose:
      EnterAnswer(State::kBeforeAnswer);
      return;
    case MarkerRole::kAnswerOpen:
      EnterAnswer(*tags_->answer_close != '\0' ? State::kWrappedAnswer : State::kAnswer);
      return;
    case MarkerRole::kAnswerClose:
      EnterAnswer(State::kAfter);
      return;
    case MarkerRole::kSectionClose:  // behind a call, and of no use
    case MarkerRole::kCallClose:
      return;
    default:
      StartCall(symbol);
  }
}

void TextReader::StartCall(const Symbol& symbol) {
  if (state_ == State::kStart || state_ == State::kBeforeAnswer || state_ == State::kAfter) {
    state_ = State::kAnswer;
  }
  in_call_ = true;
  calls_->Start(symbol);
}

void TextReader::EnterAnswer(State state) {
  state_ = state;
  at_beginning_ = at_line_start_ = true;
  held_.clear();
}

void TextReader::OnByte(char c) {
  switch (state_) {
    case State::kStart:
    case State::kBeforeAnswer:
      if (!IsSpace(c)) {
        state_ = State::kAnswer;
        OnAnswerByte(c);
      } else if (state_ == State::kStart || !held_.empty() || !IsLineBreak(c)) {
        held_ += c;
      }
      return;
    case State::kReasoning:
      OnReasoningByte(c);
      return;
    case State::kWrappedAnswer:
    case State::kAnswer:
      OnAnswerByte(c);
      return;
    case State::kAfter:
      if (IsSpace(c)) return;
      state_ = State::kAnswer;
      OnAnswerByte(c);
      return;
  }
}

void TextReader::OnReasoningByte(char c) {
  if (IsLineBreak(c)) {
    if (!at_beginning_) held_ += c;
    return;
  }
  WriteReasoning(std::exchange(held_, "") + c);
}

void TextReader::OnAnswerByte(char c) {
  const bool wrapped = state_ == State::kWrappedAnswer;
  if (wrapped && at_beginning_ && IsLineBreak(c)) return;
  if (calls_ && at_line_start_ && calls_->BeginsBare(c)) {
    StartCall({.text = std::string_view(&c, 1)});
    return;
  }
  if (calls_ && !IsSpace(c)) at_line_start_ = false;
  if (IsLineBreak(c)) at_line_start_ = true;
  // Between bare calls.
  const bool separator = after_call_ && calls_->format().bare && (c == ';' || c == ',');
  if ((calls_ && IsSpace(c)) || (wrapped && IsLineBreak(c)) || separator) {
    if (separator) at_line_start_ = true;
    held_ += c;
    return;
  }
  WriteAnswer(std::exchange(held_, "") + c);
}

void TextReader::WriteReasoning(std::string_view text) {
  at_beginning_ = false;
  events_.Reasoning(text);
}

// Between two parts of the answer the blank space around a call stays, before the first one not.
void TextReader::WriteAnswer(std::string_view text) {
  if (std::exchange(after_call_, false) && !events_.has_answer()) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    text.remove_prefix(std::min(begin, text.size()));
  }
  at_beginning_ = false;
  events_.Answer(text);
}

bool TextReader::DropsAtEnd(std::string_view begun) const {
  if (in_call_ || tags_ == nullptr) return false;
  if (state_ != State::kBeforeAnswer && state_ != State::kStart) return false;
  const auto begins = [&](const char* opener) {
    return std::string_view(opener).starts_with(begun) && *opener != '\0';
  };
  return std::any_of(tags_->answer_opens.begin(), tags_->answer_opens.end(), begins);
}

void TextReader::OnEnd(bool closing) {
  if (in_call_) {
    const int calls_before = events_.num_calls();
    calls_->OnEnd();
    if (events_.num_calls() > calls_before) held_.clear();
    GiveBack(calls_->TakeRaw());
  }
  const std::string held = std::exchange(held_, "");
  if (state_ == State::kReasoning) {
    if (!closing && !held.empty()) WriteReasoning(held);
  } else if (state_ == State::kAnswer || state_ == State::kWrappedAnswer ||
             state_ == State::kStart) {
    if (!held.empty() && !(after_call_ && TrimSpace(held).empty())) WriteAnswer(held);
  }
}

}  // namespace tael
