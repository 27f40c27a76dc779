#include "dialect/named_call.h"

#include <algorithm>

namespace tael {
namespace {

constexpr size_t kMaxHead = 512;

// "functions.NAME:INDEX" without what is around the name.
std::string_view NameInId(std::string_view id) {
  constexpr std::string_view kPrefix = "functions.";
  if (id.starts_with(kPrefix)) id.remove_prefix(kPrefix.size());
  const size_t colon = id.rfind(':');
  if (colon == std::string_view::npos) return id;
  const std::string_view index = id.substr(colon + 1);
  const bool digits = index.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? id.substr(0, colon) : id;
}

}  // namespace

void NamedCallGrammar::Start() {
  state_ = State::kName;
  scanner_ = {};
  kind_.clear();
  name_.clear();
  id_.clear();
}

Step NamedCallGrammar::OnSymbol(const Symbol& symbol) {
  switch (state_) {
    case State::kName:
      return OnName(symbol);
    case State::kId:
      if (symbol.is(MarkerRole::kArgsOpen)) {
        state_ = State::kBeforeArguments;
      } else if (symbol.byte() == '{') {
        return OnBeforeArguments(symbol);
      } else if (symbol.marker != nullptr || id_.size() > kMaxHead) {
        return Step::kFailed;
      } else {
        id_ += symbol.text;
      }
      return Step::kMore;
    case State::kBeforeArguments:
      return OnBeforeArguments(symbol);
    case State::kFence:
      if (symbol.byte() == '{') return OnBeforeArguments(symbol);
      if (!IsFencePart(symbol)) return Step::kFailed;
      if (symbol.byte() == '\n') state_ = State::kBeforeArguments;
      return Step::kMore;
    case State::kArguments:
      return OnArguments(symbol.byte());
  }
  return Step::kFailed;
}

Step NamedCallGrammar::OnName(const Symbol& symbol) {
  const bool blank = TrimSpace(name_).empty();
  if (symbol.is(MarkerRole::kPartEnd)) {
    kind_ = TrimSpace(name_);
    name_.clear();
    return kind_.empty() ? Step::kFailed : Step::kMore;
  }
  if (symbol.is(MarkerRole::kArgsOpen) || (symbol.byte() == '\n' && !blank)) {
    state_ = State::kBeforeArguments;
    return blank ? Step::kFailed : Step::kMore;
  }
  if (symbol.is(MarkerRole::kIdOpen)) {
    state_ = State::kId;
    return blank ? Step::kFailed : Step::kMore;
  }
  if (symbol.byte() == '{' || symbol.byte() == '`' || symbol.is(MarkerRole::kCallClose)) {
    return OnBeforeArguments(symbol);
  }
  if (symbol.marker != nullptr || name_.size() > kMaxHead) return Step::kFailed;
  name_ += symbol.text;
  return Step::kMore;
}

Step NamedCallGrammar::OnBeforeArguments(const Symbol& symbol) {
  if (symbol.is_space()) return Step::kMore;
  if (symbol.is(MarkerRole::kCallClose)) return EndWithoutArguments();
  if (symbol.byte() == '`') {
    state_ = State::kFence;
    return Step::kMore;
  }
  if ((symbol.byte() != '{' && symbol.byte() != '[') || !Begin()) return Step::kFailed;
  state_ = State::kArguments;
  return OnArguments(symbol.byte());
}

Step NamedCallGrammar::OnArguments(char c) {
  const Step step = TakeArguments(context_, scanner_, c);
  if (step == Step::kDone) context_.End(CallEnd::kComplete);
  return step;
}

// The call's own end follows, which the caller reads.
Step NamedCallGrammar::EndWithoutArguments() {
  if (!Begin()) return Step::kFailed;
  context_.End(CallEnd::kComplete);
  return Step::kBefore;
}

bool NamedCallGrammar::Begin() {
  std::string_view name = TrimSpace(name_);
  if (name.empty()) {
    name = kind_;
  } else if (!kind_.empty() && kind_ != "function") {
    return false;
  }
  std::string id(TrimSpace(id_));
  if (context_.format.name_is_id) {
    id = name;
    name = NameInId(name);
  }
  if (!IsToolName(name)) return false;
  context_.Begin(std::string(name), std::move(id));
  return true;
}

void NamedCallGrammar::OnEnd() {
  if (state_ == State::kArguments) context_.End(CallEnd::kCutOff);
}

}  // namespace tael
