#include "dialect/channel_reader.h"

#include <algorithm>
#include <utility>

namespace tael {
namespace {

constexpr size_t kMaxHeader = 1024;
constexpr std::string_view kChannel = "<|channel|>", kStart = "<|start|>";
constexpr std::string_view kRecipient = "to=";

// The word that follows `mark` in a header; empty if there is none.
std::string_view WordAfter(std::string_view header, std::string_view mark) {
  const size_t at = header.find(mark);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + mark.size());
  header.remove_prefix(std::min(header.find_first_not_of(" \t"), header.size()));
  return header.substr(0, header.find_first_of(" \t\r\n<"));
}

// "to=" counts at the beginning of a word.
std::string_view RecipientOf(std::string_view header) {
  for (size_t at = header.find(kRecipient); at != std::string_view::npos;
       at = header.find(kRecipient, at + 1)) {
    const bool begins = at == 0 || header[at - 1] == ' ' || header[at - 1] == '>';
    if (begins) return WordAfter(header.substr(at), kRecipient);
  }
  return {};
}

bool IsTool(std::string_view recipient) {
  return IsToolName(recipient) && recipient != "assistant" && recipient != "user" &&
         recipient != "all";
}

std::string_view WithoutNamespace(std::string_view recipient) {
  constexpr std::string_view kFunctions = "functions.";
  const bool has = recipient.starts_with(kFunctions) && recipient.size() > kFunctions.size();
  return has ? recipient.substr(kFunctions.size()) : recipient;
}

bool IsLineBreak(char c) { return c == '\n' || c == '\r'; }

}  // namespace

ChannelReader::ChannelReader(const DialectOptions& options, EventWriter& events)
    : events_(events), calls_(options.calls != nullptr) {
  markers_ = {{kStart, MarkerRole::kStart},          {kChannel, MarkerRole::kChannel},
              {"<|message|>", MarkerRole::kMessage}, {"<|constrain|>", MarkerRole::kConstrain},
              {"<|end|>", MarkerRole::kEnd},         {"<|call|>", MarkerRole::kEnd},
              {"<|return|>", MarkerRole::kEnd}};
  if (options.start == ReasoningStart::kInside || options.start == ReasoningStart::kAnswer) {
    state_ = State::kMessage;
    kind_ = options.start == ReasoningStart::kInside ? Kind::kReasoning : Kind::kAnswer;
  }
}

const std::vector<Marker>& ChannelReader::Markers() const {
  const bool in_string =
      state_ == State::kMessage && kind_ == Kind::kCall && is_json_ && scanner_.in_string();
  return in_string ? none_ : markers_;
}

bool ChannelReader::OnSymbol(const Symbol& symbol) {
  switch (state_) {
    case State::kStart:
    case State::kBetween:
    case State::kPlain:
      return OnStart(symbol);
    case State::kHeader:
      return OnHeader(symbol);
    case State::kMessage:
      return OnMessage(symbol);
  }
  return true;
}

// Where a header may begin: at the start also with " to=", as the prompt ends with the role.
bool ChannelReader::OnStart(const Symbol& symbol) {
  if (symbol.is(MarkerRole::kStart) || symbol.is(MarkerRole::kChannel) ||
      symbol.is(MarkerRole::kMessage) || symbol.is(MarkerRole::kConstrain)) {
    if (symbol.is(MarkerRole::kStart) && !TrimSpace(header_).empty()) Plain();
    if (symbol.is(MarkerRole::kStart)) header_.clear();
    state_ = State::kHeader;
    return OnHeader(symbol);
  }
  if (symbol.is(MarkerRole::kEnd)) return true;  // of a message that is over already
  if (state_ == State::kBetween && symbol.is_space()) return true;
  header_ += symbol.text;
  if (state_ == State::kStart) {
    const std::string_view word = TrimSpace(header_);
    if (word.starts_with(kRecipient) && header_.size() <= kMaxHeader) return true;
    if (kRecipient.starts_with(word)) return true;
  }
  Plain();
  return true;
}

bool ChannelReader::OnHeader(const Symbol& symbol) {
  if (symbol.is(MarkerRole::kMessage)) {
    header_ += symbol.text;
    OpenMessage();
    return true;
  }
  if (symbol.is(MarkerRole::kEnd) && calls_ && IsTool(RecipientOf(header_))) {  // no arguments
    OpenMessage();
    CloseMessage();
    return true;
  }
  const bool again = symbol.is(MarkerRole::kStart) && !header_.empty();
  if (symbol.is(MarkerRole::kEnd) || again || header_.size() > kMaxHeader) {
    Plain();
    return false;
  }
  header_ += symbol.text;
  return true;
}

void ChannelReader::Plain() {
  state_ = State::kPlain;
  kind_ = Kind::kAnswer;
  Write(std::exchange(header_, ""));
}

void ChannelReader::OpenMessage() {
  const std::string_view header = header_;
  std::string_view role = header;
  if (role.starts_with(kStart)) {
    role = WordAfter(role, kStart);
  } else {
    role = {};
  }
  const std::string_view recipient = RecipientOf(header);
  state_ = State::kMessage;
  at_beginning_ = true;
  held_.clear();
  if (!role.empty() && !role.starts_with("assistant") && !role.starts_with(kRecipient)) {
    kind_ = Kind::kReasoning;  // a result that it imagines
  } else if (IsTool(recipient) && !calls_) {
    kind_ = Kind::kAnswer;
    Write(header_);
  } else if (IsTool(recipient)) {
    kind_ = Kind::kCall;
    scanner_ = {};
    is_json_ = true;
    events_.BeginCall(std::string(WithoutNamespace(recipient)), "");
  } else {
    kind_ = WordAfter(header, kChannel) == "analysis" ? Kind::kReasoning : Kind::kAnswer;
  }
  apart_ = kind_ == Kind::kReasoning ? reasoned_ : answered_;
  header_.clear();
}

bool ChannelReader::OnMessage(const Symbol& symbol) {
  if (symbol.is(MarkerRole::kEnd)) {
    CloseMessage();
    return true;
  }
  if (symbol.is(MarkerRole::kStart) || symbol.is(MarkerRole::kChannel)) {  // its end was left out
    CloseMessage();
    return false;
  }
  if (kind_ == Kind::kCall) {
    for (const char c : symbol.text) OnCallByte(c);
  } else if (symbol.marker == nullptr && IsLineBreak(symbol.byte())) {
    if (!at_beginning_) held_ += symbol.text;
  } else {
    Write(std::exchange(held_, "") + std::string(symbol.text));
  }
  return true;
}

void ChannelReader::OnCallByte(char c) {
  if (at_beginning_ && std::string_view(" \t\r\n").find(c) != std::string_view::npos) return;
  if (at_beginning_) is_json_ = c == '{';
  at_beginning_ = false;
  std::string text;
  if (is_json_) {
    const JsonScanner::Result result = scanner_.OnByte(c, text);
    is_json_ = result == JsonScanner::Result::kMore;
    if (result == JsonScanner::Result::kBad) text = c;
  } else {
    text = c;
  }
  events_.Arguments(text);
}

void ChannelReader::CloseMessage() {
  if (kind_ == Kind::kCall) events_.EndCall(CallEnd::kComplete);
  held_.clear();
  state_ = State::kBetween;
}

void ChannelReader::Write(std::string_view text) {
  if (text.empty()) return;
  const bool is_reasoning = kind_ == Kind::kReasoning;
  (is_reasoning ? reasoned_ : answered_) = true;
  const std::string_view gap = std::exchange(apart_, false) ? "\n\n" : "";
  at_beginning_ = false;
  if (is_reasoning) {
    events_.Reasoning(gap);
    events_.Reasoning(text);
  } else {
    events_.Answer(gap);
    events_.Answer(text);
  }
}

bool ChannelReader::DropsAtEnd(std::string_view begun) const {
  const bool between = state_ == State::kBetween || state_ == State::kHeader;
  return between && std::any_of(markers_.begin(), markers_.end(), [&](const Marker& marker) {
           return marker.text.starts_with(begun);
         });
}

bool ChannelReader::in_call() const {
  if (state_ == State::kMessage) return kind_ == Kind::kCall;
  return state_ == State::kHeader && !RecipientOf(header_).empty();
}

// A header that was not finished is nobody's text.
void ChannelReader::OnEnd(bool closing) {
  if (state_ == State::kMessage) {
    if (kind_ == Kind::kCall) {
      events_.EndCall(CallEnd::kCutOff);
    } else if (!closing || kind_ != Kind::kReasoning) {
      Write(std::exchange(held_, ""));
    }
  } else if (state_ == State::kStart && !TrimSpace(header_).starts_with(kRecipient)) {
    Plain();
  }
}

}  // namespace tael
