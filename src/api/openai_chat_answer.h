// Answers of POST /v1/chat/completions, as a stream or whole.
#pragma once

#include <string>
#include <vector>

#include "api/answer_event.h"
#include "base/json.h"

namespace tael {

// Reasoning is `reasoning_content`, beside the content, as DeepSeek's and other servers have it.
class OpenAiChatStream {
 public:
  // `log_probs`: chunks have them. `usage`: the last chunk has it, and those before say null.
  OpenAiChatStream(AnswerHead head, bool log_probs, bool usage)
      : head_(std::move(head)), log_probs_(log_probs), usage_(usage) {}

  // Server-sent events, complete with their empty lines. The first ones, of every choice.
  std::string Begin() const;
  std::string Of(const AnswerEvent& event) const;
  // Behind the end of every choice.
  std::string End(const AnswerUsage& usage) const;
  // In the place of End() when the answer cannot be completed.
  static std::string Error(int status, const std::string& message, const std::string& code);
  // Says that there is somebody.
  static std::string KeepAlive() { return ": keep-alive\n\n"; }

 private:
  Json Chunk(int choice, Json delta, const AnswerEvent* event) const;
  Json Frame() const;

  AnswerHead head_;
  bool log_probs_, usage_;
};

// The same events, folded.
class OpenAiChatWhole {
 public:
  OpenAiChatWhole(AnswerHead head, bool log_probs);

  void Add(const AnswerEvent& event);
  Json Finish(const AnswerUsage& usage);

 private:
  struct Choice {
    std::string text, reasoning;
    JsonArray calls;
    std::vector<std::string> arguments;  // of each call
    JsonArray tokens;
    AnswerEnd end = AnswerEnd::kStop;
    bool has_text = false;
  };

  AnswerHead head_;
  bool log_probs_;
  std::vector<Choice> choices_;
};

}  // namespace tael
