// `tael eval`: how well models predict given texts.
#include "app/eval.h"

#include "app/command.h"

namespace tael {

Command AddEvalCommand(CommandParser& program) {
  CommandParser& command = program.AddCommand({.name = "eval", .description = "Measure a model"});
  const Command perplexity = AddEvalPerplexityCommand(command);
  const Command compare = AddEvalCompareCommand(command);
  return {&command, [&command, perplexity, compare](const LoadedSettings& settings) {
            const bool first = command.chosen() == perplexity.parser;
            return (first ? perplexity : compare).execute(settings);
          }};
}

}  // namespace tael
