// What the commands below `tael eval` share: texts as windows of tokens, options, JSON of
// estimates.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/memory.h"
#include "app/model_flags.h"
#include "base/json.h"
#include "engine/window_scorer.h"

namespace tael {

struct EvalFlags {
  std::vector<std::string> files;
  int window = 512;
  int batch = 4;
  int max_tokens = 0;
  bool json = false;
};
// The files as the positional argument that takes all that is left over, and the options.
void AddEvalFlags(CommandParser& command, EvalFlags& flags);

// A text and the windows that are scored: each from an empty cache, its first token not predicted.
struct EvalText {
  std::string file;
  std::vector<TokenId> tokens;
  std::vector<TokenWindow> windows;  // of `tokens`
};
// Reads ('-' is stdin) and tokenises all files. Throws kInvalidArgument for a file that is no
// text, and for a text of less than two tokens.
std::vector<EvalText> ReadEvalTexts(const EvalFlags& flags, const Tokenizer& tokenizer);

// Options of a scorer whose context holds a window: --ctx, or (0) the window's size, if that fits
// into the memory. Throws kInvalidArgument when a window does not fit the model or the context
// asked for, kExhausted with the plan.
ScoringOptions MakeScoringOptions(const EvalFlags& flags, const LoadedModel& loaded,
                                  const MemoryWish& wish);

// The model, how it is computed, and the name of its weights.
Json DescribeModel(const LoadedModel& loaded, const RunnerOptions& options);

// What the work gives; `seconds` gets how long it took.
template <typename Work>
auto Timed(double* seconds, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  auto result = work();
  *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

// Prints a result with what every one ends with. Returns the exit code.
int PrintEvalJson(Json result, const WindowScorer& scorer);

}  // namespace tael
