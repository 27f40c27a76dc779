// Takes apart what a model writes, piece by piece as it comes: reasoning, answer, tool calls.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/dialect_event.h"
#include "dialect/dialect_options.h"

namespace tael {

class DialectReader;

// How the text was cut into pieces makes no difference to the joined events. Never throws (but for
// want of memory). Time and memory are linear in the text.
//
// Nothing is lost: every byte is in exactly one event, or belongs to a marker or to the form of a
// call (quotes, keys, blank space, closing tags, the header of a message). Line breaks around a
// marker of the reasoning, and blank space next to a call, belong to it. A marker that was only
// begun when the text ended is text, unless nothing but a marker can stand there (between two
// messages of Harmony, before a wrapped answer).
//
// A call begins when its name is known and its arguments begin. Until then, what turns out to be no
// call is answer (reasoning within the reasoning), with its markers. Afterwards the arguments are
// given as they come, and their end says whether they are a JSON object. Arguments that the model
// writes as JSON keep its characters, except that control characters within strings are escaped;
// those in tags or Python become JSON by the tool's schema. Absent arguments, "" and null are {}.
// Bare calls, which no marker shows, count for tools of the request only.
//
// The caller takes the end-of-turn tokens away, and shows the special tokens of DialectMarkers().
class DialectParser {
 public:
  // What `options` points to must outlive it.
  explicit DialectParser(const DialectOptions& options);
  ~DialectParser();
  DialectParser(DialectParser&&) noexcept;

  // The text of an event ends with a whole character.
  std::vector<DialectEvent> Push(std::string_view text);
  // What was held back; no more text may follow. `closing`: the text ended while the reasoning was
  // being closed in the model's place, so what has begun of that marker is dropped.
  std::vector<DialectEvent> Finish(bool closing = false);

  // Whether the text so far ends within the reasoning; within what is or may become a call.
  bool reasoning() const;
  bool in_call() const;
  // Comparisons of bytes so far: bounded by a constant times the length of the text.
  int64_t work() const { return work_; }

 private:
  void Drain(bool last, bool closing);

  std::unique_ptr<EventWriter> events_;  // on the heap: the reader points to it
  std::unique_ptr<DialectReader> reader_;
  std::string held_;  // may be the beginning of a marker
  int64_t work_ = 0;
};

// The texts that mark things in such a dialect. Those that are special tokens must be in the text.
std::vector<std::string_view> DialectMarkers(const ReasoningTags* reasoning,
                                             const CallFormat* calls);

}  // namespace tael
