#include "dialect/json_calls.h"

#include <algorithm>
#include <utility>

namespace tael {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool IsKeyOfCall(std::string_view key) {
  constexpr std::string_view kKeys[] = {"name",     "arguments", "parameters",
                                        "function", "type",      "id"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

}  // namespace

void JsonCallGrammar::Start(bool list, bool bare) {
  list_ = list;
  bare_ = bare;
  if (list) {
    state_ = State::kNext;
  } else {
    StartObject();
  }
}

void JsonCallGrammar::StartObject() {
  state_ = State::kKeyOrEnd;
  nesting_ = 0;
  name_.clear();
  held_.clear();
  scalar_arguments_.clear();
  ended_ = false;
  has_name_ = has_arguments_ = has_others_ = begun_ = arguments_done_ = false;
}

Step JsonCallGrammar::OnByte(char c) {
  switch (state_) {
    case State::kNext:
    case State::kNextMore:
      return OnListByte(c);
    case State::kKeyOrEnd:
      return OnKeyOrEnd(c);
    case State::kKey:
      return string_.OnByte(c, key_) ? Step::kMore : OnKeyEnd();
    case State::kColon:
      if (c == ':') state_ = State::kValue;
      return c == ':' || IsSpace(c) ? Step::kMore : GiveUp();
    case State::kValue:
      return IsSpace(c) ? Step::kMore : OnValueStart(c);
    case State::kName:
      return OnName(c);
    case State::kArguments:
    case State::kArgumentString:
      return OnArguments(c);
    case State::kOther:
      return OnOther(c);
    case State::kAfterValue:
      return OnAfterValue(c);
  }
  return Step::kFailed;
}

Step JsonCallGrammar::OnListByte(char c) {
  if (IsSpace(c)) return Step::kMore;
  const bool first = state_ == State::kNext;
  if (c == ']') return first ? Step::kFailed : Step::kDone;
  if (c == ',' && !first) return Step::kMore;
  if (c != '{') return first ? Step::kFailed : Step::kBefore;
  StartObject();
  return Step::kMore;
}

Step JsonCallGrammar::OnKeyOrEnd(char c) {
  if (IsSpace(c)) return Step::kMore;
  if (c == '}') return CloseObject();
  if (c != '"') return GiveUp();
  key_.clear();
  string_ = {};
  state_ = State::kKey;
  return Step::kMore;
}

Step JsonCallGrammar::OnKeyEnd() {
  state_ = State::kColon;
  // JSON that is meant as an answer shows early that it is no call.
  return bare_ && !begun_ && !IsKeyOfCall(key_) ? Step::kFailed : Step::kMore;
}

Step JsonCallGrammar::OnValueStart(char c) {
  const bool is_function = key_ == "function" || key_ == "name";
  scanner_ = {};
  string_ = {};
  if (context_.format.key_is_name) {
    if (!IsToolName(key_)) return GiveUp();
    const std::string name = key_;
    StartObject();
    name_ = name;
    has_name_ = true;
    key_ = "arguments";
  } else if (is_function && c == '"' && !has_name_) {
    state_ = State::kName;
    return Step::kMore;
  } else if (key_ == "function" && c == '{') {
    ++nesting_;
    state_ = State::kKeyOrEnd;
    return Step::kMore;
  }
  if ((key_ != "arguments" && key_ != "parameters") || has_arguments_) {
    state_ = State::kOther;
    has_others_ = has_others_ || !IsKeyOfCall(key_);
    return OnOther(c);
  }
  if (bare_ && c != '{' && c != '"') return GiveUp();
  has_arguments_ = true;
  BeginIfKnown();
  if (c == '"') {
    state_ = State::kArgumentString;
    return Step::kMore;
  }
  state_ = State::kArguments;
  is_scalar_ = c != '{' && c != '[';
  return OnArguments(c);
}

Step JsonCallGrammar::OnName(char c) {
  if (string_.OnByte(c, name_)) return Step::kMore;
  if (!IsToolName(name_) || (bare_ && !context_.Knows(name_))) return Step::kFailed;
  has_name_ = true;
  state_ = State::kAfterValue;
  if (has_arguments_) {
    BeginIfKnown();
    Write(std::exchange(held_, ""));
  }
  return Step::kMore;
}

Step JsonCallGrammar::OnArguments(char c) {
  std::string text;
  if (state_ == State::kArgumentString) {
    const bool more = string_.OnByte(c, text);
    Write(text);
    if (more) return Step::kMore;
  } else {
    const JsonScanner::Result result = scanner_.OnByte(c, text);
    if (result == JsonScanner::Result::kBad) return GiveUp();
    if (is_scalar_) {
      scalar_arguments_ += text;
    } else {
      Write(text);
    }
    if (result == JsonScanner::Result::kMore) return Step::kMore;
    if (is_scalar_) Write(scalar_arguments_ == "null" ? "{}" : scalar_arguments_);
    EndArguments();
    return result == JsonScanner::Result::kEnd ? Step::kMore : OnAfterValue(c);
  }
  EndArguments();
  return Step::kMore;
}

// Where names are keys, each member is a call.
void JsonCallGrammar::EndArguments() {
  arguments_done_ = true;
  if (context_.format.key_is_name) {
    context_.End(CallEnd::kComplete);
    StartObject();
    ended_ = true;
  }
  state_ = State::kAfterValue;
}

Step JsonCallGrammar::OnOther(char c) {
  std::string dropped;
  const JsonScanner::Result result = scanner_.OnByte(c, dropped);
  if (result == JsonScanner::Result::kMore) return Step::kMore;
  if (result == JsonScanner::Result::kBad) return GiveUp();
  state_ = State::kAfterValue;
  return result == JsonScanner::Result::kEnd ? Step::kMore : OnAfterValue(c);
}

Step JsonCallGrammar::OnAfterValue(char c) {
  if (IsSpace(c)) return Step::kMore;
  if (c == '}') return CloseObject();
  if (c != ',') return GiveUp();
  state_ = State::kKeyOrEnd;
  return Step::kMore;
}

Step JsonCallGrammar::CloseObject() {
  if (nesting_ > 0) {
    --nesting_;
    state_ = State::kAfterValue;
    return Step::kMore;
  }
  if (ended_) {
    context_.raw.clear();
    state_ = State::kNextMore;
    return list_ ? Step::kMore : Step::kDone;
  }
  if (!has_name_ || (!has_arguments_ && (bare_ || has_others_))) return Step::kFailed;
  has_arguments_ = true;
  BeginIfKnown();
  context_.End(CallEnd::kComplete);
  state_ = State::kNextMore;
  return list_ ? Step::kMore : Step::kDone;
}

// What cannot go on. A closing brace that is missing behind the arguments is forgiven.
Step JsonCallGrammar::GiveUp() {
  if (ended_ && state_ == State::kAfterValue) return Step::kBefore;
  if (!begun_) return Step::kFailed;
  context_.End(arguments_done_ ? CallEnd::kComplete : CallEnd::kMalformed);
  return Step::kBefore;
}

void JsonCallGrammar::OnEnd() {
  if (ended_ && state_ == State::kAfterValue) context_.raw.clear();
  if (begun_ && state_ != State::kNextMore) {
    if (!arguments_done_) Write(scalar_arguments_);
    context_.End(arguments_done_ ? CallEnd::kComplete : CallEnd::kCutOff);
  }
}

void JsonCallGrammar::BeginIfKnown() {
  if (begun_ || !has_name_) return;
  begun_ = true;
  context_.Begin(name_);
}

void JsonCallGrammar::Write(const std::string& text) {
  if (!begun_) {
    held_ += text;
  } else {
    context_.events.Arguments(text);
  }
}

}  // namespace tael
