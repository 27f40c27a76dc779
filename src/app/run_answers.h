// The answers of `tael run` from the engine: their text, token ids, log-probabilities and timings.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "chat/answer_text.h"
#include "engine/engine.h"

namespace tael {

struct RunAnswer {
  std::string text;                      // ends before the first stop string
  std::string reasoning;                 // what the model thought before; "" if nothing
  std::vector<TokenId> ids;              // all that were picked
  std::vector<TokenLogProbs> log_probs;  // one per id, with sampling.log_probs
  ChoiceReport report;
  std::exception_ptr error;  // null = the answer ended as `report` says
};

struct RunResult {
  std::vector<RunAnswer> answers;  // one per choice
  // Of prompt tokens 1, 2, ...: the first one follows nothing. Empty when not asked for; nullopt
  // where the run ended before.
  std::vector<std::optional<TokenLogProbs>> prompt_log_probs;
  int prompt_done = 0;  // tokens of the prompt that the first choice has behind it
  // Until the first choice has read the prompt, and from then on.
  double prompt_seconds = 0, decode_seconds = 0;
};

struct RunCallbacks {
  AnswerText::Sink on_text;            // pieces of a single choice only
  std::function<void(int)> on_prompt;  // tokens of the prompt read
  std::function<bool()> interrupted;   // true: no more, please
};

struct RunPlan {
  EngineRequest request;  // without observers
  AnswerStyle style;
  std::string sampling_source;          // who recommended some of the sampling; "" = nobody
  std::optional<int> prompt_log_probs;  // of each prompt token, and of so many best ones
};

// Options for one request in a context of that many positions: memory for its choices, at most 8 of
// them at a time.
EngineOptions MakeRunOptions(const Model& model, const RunPlan& plan, int context,
                             const RunnerOptions& runner);

// What log-probabilities take at most, from the logits to the printed JSON, in a context of that
// many positions.
int64_t ResultBytes(const RunPlan& plan, int context);

// Runs the request to its end. Throws what Submit() throws.
RunResult RunToEnd(Engine& engine, const LoadedModel& loaded, const RunPlan& plan,
                   const RunCallbacks& callbacks);

}  // namespace tael
