// A conversation with a model: messages, the session that keeps their keys and values, answers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/answer_text.h"
#include "chat/chat_format.h"
#include "engine/generate.h"

namespace tael {

class Conversation {
 public:
  struct Limits {
    SamplingParams sampling;
    std::shared_ptr<const TokenTexts> token_texts;  // REQUIRED with banned strings
    int max_tokens = 0;
    std::vector<std::string> stop_strings = {};  // the answer ends before the first of them
    ThinkingWish thinking = {};
  };
  // `loaded` must outlive this. Throws when the model has no chat template.
  Conversation(const LoadedModel& loaded, const SessionOptions& options, const Limits& limits);

  void SetSystem(const std::string& text);  // "" = none; starts the conversation anew
  void Reset();                             // forgets all turns, keeps the system message
  int turns() const;
  // From the next answer on. Throws kUnsupported, and changes nothing, when the model has no such
  // switch.
  void SetThinking(const ThinkingWish& wish);

  struct Callbacks {
    AnswerText::Sink on_text;                 // pieces of the reasoning and of the answer
    std::function<void(int, int)> on_prompt;  // tokens read, tokens in all
    std::function<bool()> cancelled;
  };
  // Adds a user turn and answers it. On an error (the context is full, the template refuses) the
  // turn is taken back before the error is thrown on.
  GenerationResult Ask(const std::string& text, const Callbacks& callbacks);
  // Answers the last user turn again, with another seed. Throws kInvalidArgument without one. On an
  // error everything stays as it was.
  GenerationResult Regenerate(const Callbacks& callbacks);

  // {"messages": [...]}. Load throws kCorrupt for another form and then changes nothing.
  void Save(const std::string& path) const;
  void Load(const std::string& path);

  const Session& session() const { return session_; }
  const std::optional<GenerationResult>& last() const { return last_; }

 private:
  GenerationResult Answer(const Callbacks& callbacks);

  const LoadedModel& loaded_;
  ChatFormat format_;
  Session session_;
  Limits limits_;
  std::string system_;
  Json messages_ = JsonArray{};  // without the system message
  std::optional<GenerationResult> last_;
};

}  // namespace tael
