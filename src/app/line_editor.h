// One line of input at a time: with editing and persistent history on a terminal, plain otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/interrupt.h"

namespace tael {

class LineEditor {
 public:
  enum class Event { kLine, kInterrupted, kEnd };
  struct Input {
    Event event = Event::kEnd;
    std::string line;  // without its line break
  };

  // `history_file` is created when missing; history is off when it cannot be written. Not used when
  // stdin is no terminal.
  LineEditor(const std::string& history_file, const InterruptScope& interrupt);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  bool interactive() const;
  // Shows `prompt` (terminal only) and waits. Ctrl-C gives kInterrupted, Ctrl-D or the end kEnd.
  Input Read(const std::string& prompt);
  // Remembers a whole message, line breaks included.
  void Remember(const std::string& message);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tael
