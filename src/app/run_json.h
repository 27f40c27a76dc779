// The JSON object that `tael run --json` prints.
#pragma once

#include "app/run_answers.h"
#include "base/json.h"

namespace tael {

// What the result was computed with.
struct RunSetup {
  const LoadedModel& loaded;
  const Engine& engine;
  const RunnerOptions& options;
  const RunPlan& plan;
};

// One choice: text, ids, logprobs and finish_reason stand in the object itself; several: in one
// object each of the list "choices".
Json RunResultToJson(const RunSetup& setup, const RunResult& result);

}  // namespace tael
