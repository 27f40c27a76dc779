#include "app/memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "app/terminal.h"
#include "base/error.h"

namespace tael {
namespace {

// Beside what the process sees, the kernel keeps a table entry of 8 bytes for each page of 4 KiB,
// and a little for the process itself; a memory cgroup counts that too.
int64_t WithKernelTables(int64_t bytes) { return bytes + bytes / 512 + (int64_t{1} << 20); }

class Planner {
 public:
  Planner(const Model& model, const MemoryWish& wish)
      : model_(model),
        wish_(wish),
        baseline_(MeasureProcess(model, wish.runner)),
        bounds_(ResidentBounds(baseline_.now)),
        space_(ReadSpaceLimits()) {}

  MemoryPlan Plan(int context) const {
    MemoryPlan plan = PlanMemory(model_, wish_.runner, wish_.shape(context), baseline_);
    plan.program += wish_.beside;
    plan.new_address_space += wish_.beside;
    return plan;
  }

  std::vector<MemoryCheck> Check(const MemoryPlan& plan) const {
    std::vector<MemoryCheck> checks;
    if (wish_.limit > 0) checks.push_back({"--memory (run.memory)", wish_.limit, plan.total()});
    // Pages of files that come when they are touched can also be taken back.
    const int64_t fixed = plan.total() - (wish_.lazy ? plan.weights : 0);
    for (const MemoryBound& bound : bounds_) {
      checks.push_back({bound.source, bound.bytes, WithKernelTables(fixed)});
    }
    const int64_t grows = plan.new_address_space;
    if (space_.address_space > 0) {
      checks.push_back({"ulimit -v", space_.address_space, baseline_.now.address_space + grows});
    }
    if (space_.data > 0) checks.push_back({"ulimit -d", space_.data, baseline_.now.data + grows});
    return checks;
  }

  bool Fits(int context) const {
    if (TooLarge(context)) return false;
    const std::vector<MemoryCheck> checks = Check(Plan(context));
    return std::all_of(checks.begin(), checks.end(), [](const auto& c) { return c.fits(); });
  }

  // The largest context up to `most` that fits: `most` itself or a whole number of cache blocks.
  int LargestContext(int most) const {
    if (Fits(most)) return most;
    int low = 0, high = (most - 1) / kKvBlockPositions;  // in blocks; `low` fits or is 0
    while (low < high) {
      const int middle = low + (high - low + 1) / 2;
      if (Fits(middle * kKvBlockPositions)) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low * kKvBlockPositions;
  }

 private:
  // Whether the cache alone is too much, which needs no walk through a step.
  bool TooLarge(int context) const {
    const RunShape shape = wish_.shape(context);
    const int64_t cache = KvCacheBytes(model_, wish_.runner.kv_dtype, shape.kv_blocks) +
                          StateBytes(model_, shape.state_slots);
    return (wish_.limit > 0 && cache > wish_.limit) ||
           std::any_of(bounds_.begin(), bounds_.end(),
                       [&](const MemoryBound& bound) { return cache > bound.bytes; });
  }

  const Model& model_;
  const MemoryWish& wish_;
  ProcessBaseline baseline_;
  std::vector<MemoryBound> bounds_;
  SpaceLimits space_;
};

// ", recurrent states N", for models that have any.
std::string StatesText(const MemoryPlan& plan) {
  return plan.states > 0 ? fmt::format(", recurrent states {}", HumanBytes(plan.states)) : "";
}

std::string PartsText(const PlannedRun& run, const MemoryWish& wish) {
  const MemoryPlan& plan = run.plan;
  std::string text = fmt::format(
      "weights {}, cache {} for {} x {} tokens as {}{}, steps {}, sampling {}, program and "
      "vocabulary {}",
      HumanBytes(plan.weights + plan.repacked), HumanBytes(plan.kv_cache), run.shape.sequences,
      run.shape.context, Name(wish.runner.kv_dtype), StatesText(plan), HumanBytes(plan.scratch),
      HumanBytes(plan.sampling), HumanBytes(plan.program - wish.beside));
  if (plan.adapters > 0) text += fmt::format(", adapters {}", HumanBytes(plan.adapters));
  if (wish.beside > 0) text += fmt::format(", results {}", HumanBytes(wish.beside));
  return text;
}

// Limits of the address space count other things: what is mapped, not what is resident.
std::string MappedText(const PlannedRun& run, const MemoryCheck& check) {
  const MemoryPlan& plan = run.plan;
  return fmt::format(
      "mapped already {}, cache {}{}, steps {}, stacks of {} more threads {}, heap and the rest {}",
      HumanBytes(check.needed - plan.new_address_space), HumanBytes(plan.kv_cache),
      StatesText(plan), HumanBytes(plan.scratch), plan.threads - 1, HumanBytes(plan.stacks),
      HumanBytes(plan.new_address_space - plan.kv_cache - plan.states - plan.scratch -
                 plan.stacks));
}

bool IsSmallerCache(const Model& model, DType dtype, DType than) {
  for (const KvLayout& layout : KvLayouts(model.spec)) {
    if (!layout.FitsBlocksOf(dtype)) return false;
  }
  return KvCacheBytes(model, dtype, 1) < KvCacheBytes(model, than, 1);
}

// Smaller forms of the wish that fit, for the message.
std::string WhatFits(const Model& model, const MemoryWish& wish, const PlannedRun& run) {
  const int asked = run.shape.context, same = LargestContext(model, wish, asked);
  std::vector<std::string> ways;
  if (same > 0) ways.push_back(fmt::format("a context of {} tokens", same));
  const auto add = [&](const MemoryWish& other, const std::string& option) {
    const int context = LargestContext(model, other, asked);
    if (context > same) ways.push_back(fmt::format("{} tokens with {}", context, option));
  };
  for (const auto& [dtype, name] : {std::pair{DType::kF16, "f16"}, {DType::kQ8_0, "q8_0"}}) {
    if (!IsSmallerCache(model, dtype, wish.runner.kv_dtype)) continue;
    MemoryWish other = wish;
    other.runner.kv_dtype = dtype;
    add(other, fmt::format("--kv {}", name));
  }
  MemoryWish lazy = wish;
  lazy.lazy = true;
  lazy.runner.repack = false;
  add(lazy, "--lazy");
  if (ways.empty()) {
    return "No context fits. Hint: a smaller model or quantisation, fewer sequences, fewer threads";
  }
  return fmt::format("What fits: {}", fmt::join(ways, "; or "));
}

}  // namespace

int64_t ParseByteCount(const std::string& text, const std::string& where) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const bool plain = unit.empty() || unit == "B";
  const size_t prefix = plain ? 0 : std::string("KMGT").find(unit[0]);
  const size_t power = plain || prefix == std::string::npos ? 0 : prefix + 1;
  const std::string rest = unit.size() > 1 ? unit.substr(1) : "";
  const bool known = plain || (power > 0 && (rest.empty() || rest == "iB" || rest == "B"));
  const double base = rest == "B" && power > 0 ? 1000 : 1024;
  double bytes = number;
  for (size_t i = 0; i < power; ++i) bytes *= base;
  if (end == text.c_str() || !known || !(number > 0) || !(bytes >= 1 && bytes < 1e18)) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: '{}' is no size; needed a number above 0 with K, M, G or T (powers of 1024), or with "
         "KB, MB, GB or TB (powers of 1000), for example 3.5G",
         where, text);
  }
  return static_cast<int64_t>(bytes);
}

MemoryWish MakeMemoryWish(const ModelFlags& flags, const RunSettings& run) {
  MemoryWish wish;
  wish.context = flags.ctx.value_or(run.ctx);
  if (flags.memory || !run.memory.empty()) {
    wish.limit =
        ParseByteCount(flags.memory.value_or(run.memory), flags.memory ? "--memory" : "run.memory");
  }
  wish.lazy = flags.lazy;
  wish.runner = MakeRunnerOptions(flags, run);
  return wish;
}

bool PlannedRun::fits() const {
  return std::all_of(checks.begin(), checks.end(), [](const auto& c) { return c.fits(); });
}

PlannedRun PlanRun(const Model& model, const MemoryWish& wish) {
  const Planner planner(model, wish);
  const int wanted = ResolveContext(model, wish.context);
  PlannedRun run;
  const auto plan_for = [&](int context) {
    run.shape = wish.shape(context);
    run.plan = planner.Plan(context);
    run.checks = planner.Check(run.plan);
  };
  plan_for(wanted);
  if (run.fits() || wish.context != 0) return run;
  const int context = planner.LargestContext(wanted);
  if (context == 0) return run;
  const auto check = std::find_if(run.checks.begin(), run.checks.end(),
                                  [](const MemoryCheck& c) { return !c.fits(); });
  run.shortened_by = check->source;
  plan_for(context);
  return run;
}

int LargestContext(const Model& model, const MemoryWish& wish, int most) {
  return Planner(model, wish).LargestContext(most);
}

void RefuseUnlessFits(const LoadedModel& loaded, const MemoryWish& wish, const PlannedRun& run) {
  for (const MemoryCheck& check : run.checks) {
    if (check.fits()) continue;
    const bool mapped = check.source.starts_with("ulimit");
    Fail(ErrorCode::kExhausted,
         "{}: this run needs {} of memory, but {} allows {}. The plan: {}. {}. `tael plan` shows "
         "more",
         loaded.path, HumanBytes(check.needed), check.source, HumanBytes(check.limit),
         mapped ? MappedText(run, check) : PartsText(run, wish),
         WhatFits(*loaded.model, wish, run));
  }
}

FittedRun FitIntoMemory(const LoadedModel& loaded, const MemoryWish& wish) {
  const PlannedRun run = PlanRun(*loaded.model, wish);
  RefuseUnlessFits(loaded, wish, run);
  if (!run.shortened_by.empty()) {
    PrintError(fmt::format("tael: note: the context is {} tokens; more does not fit {}\n",
                           run.shape.context, run.shortened_by));
  }
  FittedRun fitted{.context = run.shape.context, .runner = wish.runner, .plan = run.plan};
  fitted.runner.resident = !wish.lazy;
  return fitted;
}

namespace {

template <typename Options>
void Fit(const LoadedModel& loaded, const ModelFlags& flags, const RunSettings& settings,
         Options& options) {
  MemoryWish wish = MakeMemoryWish(flags, settings);
  wish.context = options.max_context;
  wish.runner = options.runner;
  wish.shape = [&](int context) { return ShapeOf(options, context); };
  const FittedRun fitted = FitIntoMemory(loaded, wish);
  options.max_context = fitted.context;
  options.runner = fitted.runner;
}

}  // namespace

void FitIntoMemory(const LoadedModel& loaded, const ModelFlags& flags, const RunSettings& run,
                   SessionOptions& options) {
  Fit(loaded, flags, run, options);
}

void FitIntoMemory(const LoadedModel& loaded, const ModelFlags& flags, const RunSettings& run,
                   EngineOptions& options) {
  Fit(loaded, flags, run, options);
}

}  // namespace tael
