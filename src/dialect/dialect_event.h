// What a model's text consists of, in the order in which it is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

enum class CallEnd {
  kComplete,   // the arguments are a JSON object: strict, no key twice, at most 256 levels
  kCutOff,     // the text ended within the call
  kMalformed,  // they are not: they are given as the model wrote them
};

struct DialectEvent {
  enum class Kind { kReasoning, kAnswer, kCallBegin, kArguments, kCallEnd };

  Kind kind = Kind::kAnswer;
  std::string text = {};  // of reasoning, answer, arguments: never empty; of kCallBegin: the name
  std::string id = {};    // kCallBegin: what the model itself calls the call; mostly empty
  int call = -1;          // of the three about calls: 0 for the first one
  CallEnd end = CallEnd::kComplete;  // kCallEnd

  bool operator==(const DialectEvent&) const = default;
};

// Collects events: joins neighbours of one kind, and holds back the bytes of a character that is
// not complete.
class EventWriter {
 public:
  void Reasoning(std::string_view text) { Text(DialectEvent::Kind::kReasoning, text); }
  void Answer(std::string_view text) { Text(DialectEvent::Kind::kAnswer, text); }
  void BeginCall(std::string name, std::string id);
  void Arguments(std::string_view text);
  // `end` counts if the arguments are no JSON object; no arguments at all become "{}". REQUIRES: a
  // call has begun.
  void EndCall(CallEnd end);

  // The events since the last time. `last`: incomplete characters too.
  std::vector<DialectEvent> Take(bool last);
  int num_calls() const { return num_calls_; }
  bool has_answer() const { return has_answer_; }

 private:
  void Text(DialectEvent::Kind kind, std::string_view text);
  void Add(DialectEvent event);

  std::vector<DialectEvent> events_;
  DialectEvent held_;      // text that ends within a character; empty = none
  std::string arguments_;  // of the call
  int num_calls_ = 0;
  bool has_answer_ = false;
};

}  // namespace tael
