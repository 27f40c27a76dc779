// The tokens of one answer on their way to text: whole characters, reasoning apart from the answer,
// the end at a stop string.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/model_flags.h"
#include "dialect/dialect_parser.h"
#include "engine/finish_reason.h"
#include "engine/stop_strings.h"

namespace tael {

struct AnswerPiece {
  bool reasoning = false;
  std::string text;  // not empty
};

struct AnswerStyle {
  std::vector<std::string> stop_strings = {};  // the answer ends before the first of them
  const ReasoningTags* tags = nullptr;         // nullptr = all is answer
  ReasoningStart start = ReasoningStart::kClosed;
  std::optional<int> budget = std::nullopt;  // tokens of reasoning, then Verdict::kInterject
};

class AnswerText {
 public:
  // Called with every piece that is complete. A stop string is looked for in the answer only.
  using Sink = std::function<void(const AnswerPiece&)>;

  // `loaded` must outlive it.
  AnswerText(const LoadedModel& loaded, const AnswerStyle& style);

  // The next token. kStop after a stop string, kInterject once when the budget is used up and no
  // character is incomplete.
  Verdict Push(TokenId id, const Sink& sink);
  // What was held back until the end.
  void Finish(const Sink& sink);

  const std::string& answer() const { return answer_; }
  const std::string& reasoning() const { return reasoning_; }

 private:
  void Take(const std::vector<DialectEvent>& events, const Sink& sink);
  void Give(bool reasoning, const std::string& text, const Sink& sink);

  const LoadedModel& loaded_;
  Detokenizer detokenizer_;
  DialectParser parser_;
  StopStrings stops_;
  std::optional<int> budget_;  // what is left of it
  // kInterject was returned; tokens came after that.
  bool interjected_ = false, closing_ = false;
  std::string answer_, reasoning_;
};

}  // namespace tael
