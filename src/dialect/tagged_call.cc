#include "dialect/tagged_call.h"

namespace tael {
namespace {

constexpr size_t kMaxHead = 4096;
constexpr std::string_view kIsString = "string=\"true\"", kIsNoString = "string=\"false\"";

std::string_view WithoutQuotes(std::string_view text) {
  text = TrimSpace(text);
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// What may stand between the name of a parameter and its value: in DSML, what the value is.
bool IsHead(std::string_view head) {
  head = TrimSpace(head);
  return head.empty() || head == kIsString || head == kIsNoString;
}

}  // namespace

TaggedCallGrammar::TaggedCallGrammar(const CallContext& context)
    : context_(context), tags_(context.format.tags) {
  AddMarker(tags_.close, MarkerRole::kParameterClose, &value_markers_);
  AddMarker(tags_.open, MarkerRole::kParameterOpen, &tag_markers_);
  AddMarker(tags_.function_close, MarkerRole::kFunctionClose, &tag_markers_);
  for (const char* close : context.format.call_closes) {
    AddMarker(close, MarkerRole::kCallClose, &tag_markers_);
  }
  line_markers_ = tag_markers_;
  line_markers_.insert(line_markers_.end(), value_markers_.begin(), value_markers_.end());
  if (*tags_.function_name_end == '\0') name_markers_ = tag_markers_;
  AddMarker(tags_.function_name_end, MarkerRole::kFunctionNameEnd, &name_markers_);
  for (const char* close : context.format.call_closes) {
    AddMarker(close, MarkerRole::kCallClose, &parameter_markers_);
  }
  head_markers_ = parameter_markers_;
  AddMarker(tags_.name_end, MarkerRole::kParameterNameEnd, &parameter_markers_);
  AddMarker(tags_.head_end, MarkerRole::kParameterHeadEnd, &head_markers_);
}

void TaggedCallGrammar::Start(bool bare) {
  bare_ = bare;
  state_ = State::kName;
  name_.clear();
  begun_ = is_object_ = false;
  first_ = true;
}

const std::vector<Marker>& TaggedCallGrammar::Markers() const {
  if (state_ == State::kObject) return none_;
  if (state_ == State::kName) return name_markers_;
  if (state_ == State::kParameters) return tag_markers_;
  if (state_ == State::kParameterName) return parameter_markers_;
  if (state_ == State::kParameterHead) return head_markers_;
  return line_break_ && tags_.on_own_lines ? line_markers_ : value_markers_;
}

Step TaggedCallGrammar::OnSymbol(const Symbol& symbol) {
  switch (state_) {
    case State::kName:
      return OnName(symbol);
    case State::kParameters:
      return OnParameters(symbol);
    case State::kParameterName:
      if (symbol.is(MarkerRole::kParameterNameEnd)) {
        state_ = State::kParameterHead;
        if (*tags_.head_end == '\0') StartValue();
        return Step::kMore;
      }
      if (symbol.is(MarkerRole::kCallClose) || parameter_.size() > kMaxHead) break;
      parameter_ += symbol.text;
      return Step::kMore;
    case State::kParameterHead:
      if (symbol.is(MarkerRole::kParameterHeadEnd) && IsHead(head_)) {
        StartValue();
        return Step::kMore;
      }
      if (symbol.marker != nullptr || head_.size() > kMaxHead) break;
      head_ += symbol.text;
      return Step::kMore;
    case State::kValue:
      return OnValue(symbol);
    case State::kObject:
      return OnObject(symbol.byte());
  }
  WriteMember(parameter_ + head_);
  context_.End(CallEnd::kMalformed);
  return Step::kBefore;
}

Step TaggedCallGrammar::OnName(const Symbol& symbol) {
  const bool has_end = *tags_.function_name_end != '\0';
  if (symbol.is(MarkerRole::kFunctionNameEnd) || (!has_end && symbol.byte() == '\n')) {
    state_ = State::kParameters;
    const bool known = !bare_ || context_.Knows(WithoutQuotes(name_));
    return known && IsToolName(WithoutQuotes(name_)) ? Step::kMore : Step::kFailed;
  }
  if (!has_end && symbol.marker != nullptr) {
    if (!IsToolName(WithoutQuotes(name_))) return Step::kFailed;
    state_ = State::kParameters;
    return OnParameters(symbol);
  }
  if (symbol.marker != nullptr || symbol.byte() == '<' || name_.size() > kMaxHead) {
    return Step::kFailed;
  }
  name_ += symbol.text;
  return Step::kMore;
}

Step TaggedCallGrammar::OnParameters(const Symbol& symbol) {
  if (symbol.is_space()) return Step::kMore;
  if (symbol.byte() == '{' && !begun_) {
    Begin("");
    is_object_ = true;
    scanner_ = {};
    state_ = State::kObject;
    return OnObject(symbol.byte());
  }
  if (symbol.is(MarkerRole::kParameterOpen) && !is_object_) {
    Begin("{");
    parameter_.clear();
    head_.clear();
    state_ = State::kParameterName;
    return Step::kMore;
  }
  if (symbol.is(MarkerRole::kFunctionClose)) return EndCall(Step::kDone);
  if (symbol.is(MarkerRole::kCallClose)) return EndCall(Step::kBefore);
  if (!begun_) return Step::kFailed;
  context_.End(CallEnd::kMalformed);
  return Step::kBefore;
}

Step TaggedCallGrammar::OnObject(char c) {
  const Step step = TakeArguments(context_, scanner_, c);
  if (step != Step::kDone) return step;
  state_ = State::kParameters;
  return Step::kMore;
}

void TaggedCallGrammar::Begin(const char* opening) {
  if (begun_) return;
  begun_ = true;
  name_ = std::string(WithoutQuotes(name_));
  context_.Begin(name_);
  context_.events.Arguments(opening);
}

Step TaggedCallGrammar::EndCall(Step step) {
  Begin("{");
  if (!is_object_) context_.events.Arguments("}");
  context_.End(CallEnd::kComplete);
  return step;
}

void TaggedCallGrammar::StartValue() {
  state_ = State::kValue;
  parameter_ = std::string(WithoutQuotes(parameter_));
  WriteMember(parameter_);
  context_.events.Arguments("\": ");
  type_ = context_.tools != nullptr ? context_.tools->TypeOf(name_, parameter_) : ParameterType();
  // DSML says it with every parameter.
  if (TrimSpace(head_) == kIsString) type_ = {.string = true};
  if (TrimSpace(head_) == kIsNoString && type_.only_string()) type_ = {};
  streams_ = type_.known() ? type_.only_string() : !tags_.guess_types;
  if (streams_) context_.events.Arguments("\"");
  value_.clear();
  at_start_ = true;
  line_break_ = first_line_break_ = false;
}

void TaggedCallGrammar::WriteMember(std::string_view name) {
  std::string text = first_ ? "\"" : ", \"";
  first_ = false;
  for (const char c : name) AppendJsonEscaped(c, text);
  context_.events.Arguments(text);
}

void TaggedCallGrammar::AddToValue(char c) {
  if (!streams_) {
    value_ += c;
    return;
  }
  std::string text;
  AppendJsonEscaped(c, text);
  context_.events.Arguments(text);
}

Step TaggedCallGrammar::OnValue(const Symbol& symbol) {
  if (symbol.marker != nullptr) {
    EndValue();
    state_ = State::kParameters;
    return symbol.is(MarkerRole::kParameterClose) ? Step::kMore : OnParameters(symbol);
  }
  const char c = symbol.byte();
  if (!tags_.on_own_lines) {
    AddToValue(c);
    return Step::kMore;
  }
  if (line_break_ && !first_line_break_) AddToValue('\n');
  first_line_break_ = c == '\n' && at_start_;
  line_break_ = c == '\n';
  at_start_ = false;
  if (!line_break_) AddToValue(c);
  return Step::kMore;
}

// The line break before the tag is the tag's own.
void TaggedCallGrammar::EndValue() {
  if (streams_) {
    context_.events.Arguments("\"");
  } else {
    context_.events.Arguments(ArgumentToJson(value_, type_, tags_.guess_types));
  }
}

void TaggedCallGrammar::OnEnd() {
  if (!begun_) return;
  if (state_ == State::kParameterName || state_ == State::kParameterHead) {
    WriteMember(parameter_ + head_);
  }
  if (state_ == State::kValue && !streams_) context_.events.Arguments(value_);
  context_.End(CallEnd::kCutOff);
}

}  // namespace tael
