// The tokens of one answer on their way to text: whole characters; reasoning, answer and tool calls
// apart; the end at a stop string.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/loaded_model.h"
#include "dialect/dialect_parser.h"
#include "engine/finish_reason.h"
#include "engine/stop_strings.h"

namespace tael {

struct AnswerStyle {
  std::vector<std::string> stop_strings = {};  // the answer ends before the first of them
  const ReasoningTags* tags = nullptr;         // nullptr = all is answer
  ReasoningStart start = ReasoningStart::kClosed;
  std::optional<int> budget = std::nullopt;  // tokens of reasoning, then Verdict::kInterject
  const CallFormat* calls = nullptr;         // nullptr = calls are not looked for: they are text
  std::shared_ptr<const ToolSchemas> tools = nullptr;
  bool one_call = false;  // the answer ends behind its first call
};

class AnswerText {
 public:
  // Called with every piece that is complete. A stop string is looked for in the answer only.
  using Sink = std::function<void(const DialectEvent&)>;

  // `loaded` must outlive it.
  AnswerText(const LoadedModel& loaded, const AnswerStyle& style);

  // The next token. kStop after a stop string or the only call, kInterject once when the budget is
  // used up and no character is incomplete.
  Verdict Push(TokenId id, const Sink& sink);
  // What was held back until the end.
  void Finish(const Sink& sink);

  const std::string& answer() const { return answer_; }
  const std::string& reasoning() const { return reasoning_; }
  bool in_reasoning() const { return parser_.reasoning(); }
  int64_t reasoning_tokens() const { return reasoning_tokens_; }
  // The stop string that ended it; "" = none did.
  const std::string& stop_string() const { return stops_.found_string(); }

 private:
  void Take(std::vector<DialectEvent> events, const Sink& sink);
  void Give(const DialectEvent& event, const Sink& sink);
  bool ended() const { return stops_.found() || (style_.one_call && call_ended_); }

  const LoadedModel& loaded_;
  const AnswerStyle style_;
  Detokenizer detokenizer_;
  DialectParser parser_;
  StopStrings stops_;
  std::optional<int> budget_;  // what is left of it
  // kInterject was returned; tokens came after that.
  bool interjected_ = false, closing_ = false, call_ended_ = false;
  int64_t reasoning_tokens_ = 0;
  std::string answer_, reasoning_;
};

}  // namespace tael
