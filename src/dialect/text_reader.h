// Reads the reasoning, the answer and the tool calls of dialects that mark them with tags.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dialect/call_reader.h"
#include "dialect/dialect_reader.h"
#include "dialect/reasoning_start.h"

namespace tael {

class TextReader final : public DialectReader {
 public:
  TextReader(const DialectOptions& options, EventWriter& events);

  const std::vector<Marker>& Markers() const override;
  bool OnSymbol(const Symbol& symbol) override;
  void OnEnd(bool closing) override;
  bool DropsAtEnd(std::string_view begun) const override;
  bool reasoning() const override { return state_ == State::kReasoning && !in_call_; }
  bool in_call() const override { return in_call_; }

 private:
  enum class State { kStart, kReasoning, kBeforeAnswer, kAnswer, kWrappedAnswer, kAfter };

  bool OnCallSymbol(const Symbol& symbol);
  void OnMarker(const Symbol& symbol);
  void OnByte(char c);
  void OnReasoningByte(char c);
  void OnAnswerByte(char c);
  void StartCall(const Symbol& symbol);
  // Text that looked like a call.
  void GiveBack(const std::string& raw);
  void EnterAnswer(State state);
  void WriteReasoning(std::string_view text);
  void WriteAnswer(std::string_view text);
  void MakeMarkers();

  const ReasoningTags* tags_;
  EventWriter& events_;
  std::unique_ptr<CallReader> calls_;  // nullptr = none are looked for
  bool calls_in_reasoning_ = false;
  std::vector<Marker> start_markers_, reasoning_markers_, before_markers_, answer_markers_,
      wrapped_markers_, after_call_markers_, none_;

  State state_ = State::kStart;
  bool in_call_ = false, after_call_ = false;
  bool at_beginning_ = true;   // of the current part: its leading line breaks are dropped
  bool at_line_start_ = true;  // of the answer
  std::string held_;           // blank space that a marker would make its own
};

}  // namespace tael
