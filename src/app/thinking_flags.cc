#include "app/thinking_flags.h"

#include "app/terminal.h"

namespace tael {

void AddThinkingFlags(CommandParser& command, ThinkingFlags& flags) {
  command.AddOption("--think", &flags.think,
                    "on, off, low, medium, high (where the model has such a switch), or the most "
                    "tokens of reasoning before its answer is asked for",
                    {.type = "HOW", .group = "Thinking"});
  command.AddOption("--reasoning", &flags.reasoning,
                    "what is thought before the answer; auto: shown on a terminal",
                    {.check = OneOf{{"auto", "show", "hide"}}, .group = "Thinking"});
}

ThinkingWish MakeThinkingWish(const ThinkingFlags& flags) {
  return flags.think ? ParseThinkingWish(*flags.think) : ThinkingWish();
}

AnswerPrinter::AnswerPrinter(const std::optional<std::string>& reasoning)
    : show_(reasoning == "show" || (reasoning.value_or("auto") == "auto" && StdoutIsTerminal())) {}

void AnswerPrinter::Print(const DialectEvent& piece) {
  const bool reasoning = piece.kind == DialectEvent::Kind::kReasoning;
  if (reasoning && !show_) return;
  if (in_reasoning_ && !reasoning) PrintOut("\n\n");
  in_reasoning_ = reasoning;
  PrintOut(reasoning ? Styled(Style::kDim, piece.text) : piece.text);
  FlushOut();
}

}  // namespace tael
