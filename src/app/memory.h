// Whether a run fits: the plan held against every limit, before anything is loaded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/model_flags.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "engine/session.h"

namespace tael {

// "512M", "3.5GiB" (powers of 1024), "4GB" (powers of 1000), "1000000" (bytes). Throws
// kInvalidArgument; `where` names the option or key.
int64_t ParseByteCount(const std::string& text, const std::string& where);

// What is asked of the memory.
struct MemoryWish {
  int context = 0;     // 0 = the model's limit, at most kDefaultContext, less if that is too much
  int64_t limit = 0;   // --memory; 0 = none
  bool lazy = false;   // --lazy: weights come page by page and may leave again
  int64_t beside = 0;  // bytes that the command itself will hold: results, another model
  RunnerOptions runner;
  std::function<RunShape(int context)> shape;  // the run's size for a context
};
MemoryWish MakeMemoryWish(const ModelFlags& flags, const RunSettings& run);

// A limit and what the run needs of it.
struct MemoryCheck {
  std::string source;  // "--memory", "ulimit -v", ...
  int64_t limit = 0, needed = 0;
  bool fits() const { return needed <= limit; }
};

struct PlannedRun {
  RunShape shape;
  MemoryPlan plan;
  std::vector<MemoryCheck> checks;
  // Context 0 was asked for, and this limit made it smaller than it would be: "--memory", ...
  std::string shortened_by;
  bool fits() const;
};

// Throws kInvalidArgument for a context beyond the model's.
PlannedRun PlanRun(const Model& model, const MemoryWish& wish);

// The largest context that fits, at most `most`: that itself or whole cache blocks. 0 = none.
int LargestContext(const Model& model, const MemoryWish& wish, int most);

// Throws kExhausted, with every part of the plan and what would fit, unless the run fits.
void RefuseUnlessFits(const LoadedModel& loaded, const MemoryWish& wish, const PlannedRun& run);

// What a run that fits is made with.
struct FittedRun {
  int context = 0;
  RunnerOptions runner;  // the wish's, with residency decided
  MemoryPlan plan;
};
// Plans, and refuses what does not fit; a context that a limit made smaller is said on stderr.
// REQUIRES: everything that the run loads beside weights is loaded, its tokenizer above all.
FittedRun FitIntoMemory(const LoadedModel& loaded, const MemoryWish& wish);

// The same for a session or an engine: sets context and runner in `options`.
void FitIntoMemory(const LoadedModel& loaded, const ModelFlags& flags, const RunSettings& run,
                   SessionOptions& options);
void FitIntoMemory(const LoadedModel& loaded, const ModelFlags& flags, const RunSettings& run,
                   EngineOptions& options);

}  // namespace tael
