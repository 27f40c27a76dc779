#include "dialect/call_reader.h"

#include <cctype>
#include <utility>

namespace tael {

CallReader::CallReader(const CallFormat& format, const ToolSchemas* tools, EventWriter& events)
    : format_(format),
      context_{format, tools, events, raw_},
      json_(context_),
      named_(context_),
      tagged_(context_),
      python_(context_) {
  for (const char* open : format.section_opens)
    AddMarker(open, MarkerRole::kSectionOpen, &openers_);
  for (const char* open : format.call_opens) AddMarker(open, MarkerRole::kCallOpen, &openers_);
  AddMarker(format.section_close, MarkerRole::kSectionClose, &closers_);
  for (const char* close : format.call_closes) AddMarker(close, MarkerRole::kCallClose, &closers_);
  frame_markers_ = openers_;
  AddMarker(format.tags.function_open, MarkerRole::kFunctionOpen, &frame_markers_);
  if (format.tags.may_stand_alone && tools != nullptr) {
    AddMarker(format.tags.function_open, MarkerRole::kFunctionOpen, &openers_);
  }
  frame_markers_.insert(frame_markers_.end(), closers_.begin(), closers_.end());
  name_markers_ = frame_markers_;  // of which only closers may follow a name
  AddMarker(format.part_end, MarkerRole::kPartEnd, &name_markers_);
  AddMarker(format.id_open, MarkerRole::kIdOpen, &name_markers_);
  AddMarker(format.args_open, MarkerRole::kArgsOpen, &name_markers_);
}

bool CallReader::BeginsBare(char c) const {
  return format_.bare && context_.tools != nullptr && (c == '{' || c == '[');
}

void CallReader::Start(const Symbol& symbol) {
  raw_ = symbol.text;
  calls_before_ = context_.events.num_calls();
  in_section_ = in_call_ = false;
  bare_ = symbol.marker == nullptr;
  if (bare_) {
    state_ = State::kBody;
    OnBody(symbol);
  } else if (symbol.is(MarkerRole::kFunctionOpen)) {
    bare_ = true;
    StartGrammar(Grammar::kTagged, symbol);
  } else {
    OnFrame(symbol);
  }
}

// A marker that opens the section or a call within it.
Step CallReader::OnFrame(const Symbol& symbol) {
  if (symbol.is(MarkerRole::kSectionOpen)) {
    in_section_ = true;
    state_ = State::kSection;
  } else {
    in_call_ = *format_.call_closes[0] != '\0';
    state_ = State::kBody;
  }
  return Step::kMore;
}

const std::vector<Marker>& CallReader::Markers() const {
  if (state_ == State::kFence || state_ == State::kList) return closers_;
  if (state_ != State::kGrammar) return frame_markers_;
  if (grammar_ == Grammar::kTagged) return tagged_.Markers();
  return grammar_ == Grammar::kNamed && !named_.in_arguments() ? name_markers_ : none_;
}

Step CallReader::OnSymbol(const Symbol& symbol) {
  raw_ += symbol.text;
  const Step step = Dispatch(symbol);
  const bool taken = step == Step::kMore || step == Step::kDone;
  if (!taken && raw_.size() >= symbol.text.size()) raw_.resize(raw_.size() - symbol.text.size());
  return step;
}

Step CallReader::Dispatch(const Symbol& symbol) {
  switch (state_) {
    case State::kSection:
      if (symbol.is(MarkerRole::kSectionClose)) {
        return has_calls() ? Step::kDone : Step::kFailed;
      }
      if (symbol.byte() == ',' || symbol.byte() == ';') return Step::kMore;
      return OnBody(symbol);
    case State::kBody:
      return OnBody(symbol);
    case State::kFence:
      if (symbol.byte() == '{' || symbol.byte() == '[') return OnBody(symbol);
      if (!IsFencePart(symbol)) return Step::kFailed;
      if (symbol.byte() == '\n') state_ = State::kBody;
      return Step::kMore;
    case State::kList:
      return OnListStart(symbol);
    case State::kGrammar:
      return OnGrammar(symbol);
    case State::kAfter:
      return OnAfter(symbol);
  }
  return Step::kFailed;
}

Step CallReader::OnBody(const Symbol& symbol) {
  if (symbol.is_space()) return Step::kMore;
  if (symbol.is(MarkerRole::kCallOpen) && state_ == State::kSection) return OnFrame(symbol);
  if (symbol.is(MarkerRole::kFunctionOpen)) return StartGrammar(Grammar::kTagged, symbol);
  if (symbol.marker != nullptr) return Step::kFailed;
  const char c = symbol.byte();
  if (c == '`' && !bare_) {
    state_ = State::kFence;
  } else if (c == '{') {
    return StartGrammar(Grammar::kJson, symbol);
  } else if (c == '[') {
    state_ = State::kList;
  } else if (*format_.tags.open != '\0' && *format_.tags.function_open == '\0') {
    return StartGrammar(Grammar::kTagged, symbol);
  } else if (format_.named) {
    return StartGrammar(Grammar::kNamed, symbol);
  } else if (format_.bare) {
    return StartGrammar(Grammar::kPython, symbol);
  } else {
    return Step::kFailed;
  }
  return Step::kMore;
}

// Behind "[": objects, or Python.
Step CallReader::OnListStart(const Symbol& symbol) {
  if (symbol.is_space()) return Step::kMore;
  if (symbol.byte() == '{') {
    grammar_ = Grammar::kJson;
    state_ = State::kGrammar;
    json_.Start(/*list=*/true, bare_);
    return OnGrammar(symbol);
  }
  const auto c = static_cast<unsigned char>(symbol.byte());
  if (std::isalpha(c) == 0 && c != '_') return Step::kFailed;
  grammar_ = Grammar::kPython;
  state_ = State::kGrammar;
  python_.Start(/*list=*/true, bare_);
  return OnGrammar(symbol);
}

Step CallReader::StartGrammar(Grammar grammar, const Symbol& symbol) {
  grammar_ = grammar;
  state_ = State::kGrammar;
  if (grammar == Grammar::kJson) {
    json_.Start(/*list=*/false, bare_);
    return Step::kMore;
  }
  if (grammar == Grammar::kTagged) {
    tagged_.Start(bare_);
    return symbol.marker != nullptr ? Step::kMore : OnGrammar(symbol);
  }
  if (grammar == Grammar::kNamed) {
    named_.Start();
  } else {
    python_.Start(/*list=*/false, /*bare=*/false);
  }
  return OnGrammar(symbol);
}

Step CallReader::OnGrammar(const Symbol& symbol) {
  Step step = Step::kFailed;
  if (grammar_ == Grammar::kTagged) {
    step = tagged_.OnSymbol(symbol);
  } else if (grammar_ == Grammar::kNamed) {
    step = named_.OnSymbol(symbol);
  } else if (symbol.marker == nullptr) {
    step = grammar_ == Grammar::kJson ? json_.OnByte(symbol.byte()) : python_.OnByte(symbol.byte());
  }
  if (step == Step::kMore || step == Step::kFailed) return step;
  return AfterGrammar(/*taken=*/step == Step::kDone);
}

// A symbol that is not taken comes again, as other markers count now.
Step CallReader::AfterGrammar(bool taken) {
  state_ = State::kAfter;
  if (!in_section_ && !in_call_) {
    // "<function=" without its wrapper, and bare calls: nothing of them is left.
    return taken ? Step::kDone : Step::kBefore;
  }
  return taken ? Step::kMore : Step::kAgain;
}

Step CallReader::OnAfter(const Symbol& symbol) {
  if (symbol.is_space()) return Step::kMore;
  if (symbol.is(MarkerRole::kCallClose)) {
    if (!in_section_) return Step::kDone;
    state_ = State::kSection;
    raw_.clear();
    return Step::kMore;
  }
  if (symbol.is(MarkerRole::kSectionClose)) return Step::kDone;
  if (symbol.is(MarkerRole::kCallOpen) || symbol.is(MarkerRole::kSectionOpen))
    return OnFrame(symbol);
  if (symbol.is(MarkerRole::kFunctionOpen)) return StartGrammar(Grammar::kTagged, symbol);
  const char c = symbol.byte();
  if (c == '{') return StartGrammar(Grammar::kJson, symbol);
  // A comma between two calls, the end of a fence, a bracket too many.
  if (c == ',' || c == ';' || c == '`' || c == '}' || c == ']') return Step::kMore;
  return Step::kFailed;
}

void CallReader::OnEnd() {
  if (state_ == State::kGrammar) {
    if (grammar_ == Grammar::kJson) json_.OnEnd();
    if (grammar_ == Grammar::kNamed) named_.OnEnd();
    if (grammar_ == Grammar::kTagged) tagged_.OnEnd();
  } else if ((state_ == State::kAfter || state_ == State::kSection) && has_calls()) {
    raw_.clear();
  }
}

}  // namespace tael
