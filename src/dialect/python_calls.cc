#include "dialect/python_calls.h"

#include <cctype>

#include "dialect/python_literal.h"

namespace tael {

void PythonCallGrammar::Start(bool list, bool bare) {
  state_ = State::kName;
  list_ = list;
  bare_ = bare;
  name_.clear();
}

Step PythonCallGrammar::OnByte(char c) {
  switch (state_) {
    case State::kName:
      return OnName(c);
    case State::kArguments:
      return OnArguments(c);
    case State::kNext:
      return OnNext(c);
  }
  return Step::kFailed;
}

Step PythonCallGrammar::OnName(char c) {
  const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
  if (space && name_.empty()) return Step::kMore;
  if (c == '(') {
    constexpr std::string_view kCall = ".call";
    if (!list_ && !name_.ends_with(kCall)) return Step::kFailed;  // code, not a call of a tool
    if (!list_) name_.resize(name_.size() - kCall.size());
    if (!IsToolName(name_) || (bare_ && !context_.Knows(name_))) return Step::kFailed;
    arguments_.clear();
    open_ = ")";
    quote_ = '\0';
    state_ = State::kArguments;
    return Step::kMore;
  }
  constexpr size_t kMaxBytes = 256;
  const bool part = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' ||
                    c == '-' || static_cast<unsigned char>(c) >= 0x80;
  if (!part || name_.size() > kMaxBytes) return Step::kFailed;
  name_ += c;
  return Step::kMore;
}

Step PythonCallGrammar::OnArguments(char c) {
  if (just_closed_ && c != quote_) quote_ = '\0';
  if (quote_ != '\0') {
    OnQuoted(c);
    return Step::kMore;
  }
  just_closed_ = false;
  if (c == '\'' || c == '"') {
    quote_ = c;
    length_ = 1;
    quotes_ = 0;
    escape_ = triple_ = false;
  } else if (c == '(' || c == '[' || c == '{') {
    open_ += c == '(' ? ')' : c == '[' ? ']' : '}';
  } else if (c == ')' || c == ']' || c == '}') {
    if (open_.back() != c) return Step::kFailed;
    open_.pop_back();
    if (open_.empty()) return Finish();
  }
  arguments_ += c;
  return Step::kMore;
}

void PythonCallGrammar::OnQuoted(char c) {
  arguments_ += c;
  ++length_;
  if (just_closed_) {
    just_closed_ = false;
    triple_ = true;
  } else if (escape_) {
    escape_ = false;
    quotes_ = 0;
  } else if (c == '\\') {
    escape_ = true;
    quotes_ = 0;
  } else if (c != quote_) {
    quotes_ = 0;
  } else if (triple_) {
    if (++quotes_ == 3) quote_ = '\0';
  } else if (length_ == 2) {
    just_closed_ = true;
  } else {
    quote_ = '\0';
  }
}

Step PythonCallGrammar::Finish() {
  const auto arguments = PythonArgumentsToJson(arguments_);
  if (!arguments) return Step::kFailed;
  context_.Begin(name_);
  context_.events.Arguments(*arguments);
  context_.End(CallEnd::kComplete);
  state_ = State::kNext;
  return list_ ? Step::kMore : Step::kDone;
}

Step PythonCallGrammar::OnNext(char c) {
  if (std::isspace(static_cast<unsigned char>(c)) != 0) return Step::kMore;
  if (c == ']') return Step::kDone;
  if (c != ',') return Step::kBefore;
  state_ = State::kName;
  name_.clear();
  return Step::kMore;
}

}  // namespace tael
