// Options about thinking, and how reasoning is shown.
#pragma once

#include <optional>
#include <string>

#include "app/command_line.h"
#include "dialect/dialect_event.h"
#include "dialect/thinking.h"

namespace tael {

struct ThinkingFlags {
  std::optional<std::string> think;
  std::optional<std::string> reasoning;  // nullopt = auto
};
// --think and --reasoning.
void AddThinkingFlags(CommandParser& command, ThinkingFlags& flags);

// Throws kInvalidArgument for another word than the known ones.
ThinkingWish MakeThinkingWish(const ThinkingFlags& flags);

// Prints an answer as it comes: its reasoning dimmed and a blank line behind it, or not at all.
class AnswerPrinter {
 public:
  // "show", "hide", or "auto" and nullopt: shown on a terminal only.
  explicit AnswerPrinter(const std::optional<std::string>& reasoning);
  void Print(const DialectEvent& piece);

 private:
  bool show_, in_reasoning_ = false;
};

}  // namespace tael
