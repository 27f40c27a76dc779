// Reads the Harmony format of gpt-oss: messages with a channel, and a recipient if they are calls.
#pragma once

#include <string>
#include <vector>

#include "dialect/dialect_reader.h"
#include "dialect/json_scanner.h"

namespace tael {

// The channel "analysis" is reasoning, and so is what the model writes in another role than its
// own; every other message is answer, also one on "commentary": a word to the user before a call. A
// message to a recipient is a call, whatever its channel. Several messages of a kind are put apart
// by a blank line.
class ChannelReader final : public DialectReader {
 public:
  ChannelReader(const DialectOptions& options, EventWriter& events);

  const std::vector<Marker>& Markers() const override;
  bool OnSymbol(const Symbol& symbol) override;
  void OnEnd(bool closing) override;
  bool DropsAtEnd(std::string_view begun) const override;
  bool reasoning() const override { return state_ == State::kMessage && kind_ == Kind::kReasoning; }
  bool in_call() const override;

 private:
  enum class State { kStart, kHeader, kMessage, kBetween, kPlain };
  enum class Kind { kReasoning, kAnswer, kCall };

  bool OnStart(const Symbol& symbol);
  bool OnHeader(const Symbol& symbol);
  bool OnMessage(const Symbol& symbol);
  void OnCallByte(char c);
  void OpenMessage();
  void CloseMessage();
  // What was held turns out to be no header.
  void Plain();
  void Write(std::string_view text);

  EventWriter& events_;
  const bool calls_;  // else calls are text
  std::vector<Marker> markers_, none_;
  State state_ = State::kStart;
  Kind kind_ = Kind::kAnswer;
  std::string header_;  // with its markers
  std::string held_;    // line breaks that the end of the message would make its own
  bool at_beginning_ = true;
  bool reasoned_ = false, answered_ = false;  // something of the kind was given out
  bool apart_ = false;                        // the next text is another message than that
  JsonScanner scanner_;
  bool is_json_ = false;  // the call's text so far: markers within its strings are text
};

}  // namespace tael
