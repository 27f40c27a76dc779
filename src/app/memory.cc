#include "app/memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
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
        baseline_(MeasureProcess(model)),
        bounds_(ResidentBounds(baseline_.now)),
        space_(ReadSpaceLimits()) {}

  MemoryPlan Plan(int context) const {
    return PlanMemory(model_, wish_.runner, wish_.shape(context), baseline_);
  }

  std::vector<MemoryCheck> Check(const MemoryPlan& plan) const {
    std::vector<MemoryCheck> checks;
    if (wish_.limit > 0) checks.push_back({"--memory", wish_.limit, plan.total()});
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
  const Model& model_;
  const MemoryWish& wish_;
  ProcessBaseline baseline_;
  std::vector<MemoryBound> bounds_;
  SpaceLimits space_;
};

std::string PartsText(const PlannedRun& run, DType dtype) {
  const MemoryPlan& plan = run.plan;
  return fmt::format(
      "weights {}, cache {} for {} x {} tokens as {}, steps {}, sampling {}, program and "
      "vocabulary {}",
      HumanBytes(plan.weights), HumanBytes(plan.kv_cache), run.shape.sequences, run.shape.context,
      Name(dtype), HumanBytes(plan.scratch), HumanBytes(plan.sampling), HumanBytes(plan.program));
}

bool IsSmallerCache(const Model& model, DType dtype, DType than) {
  for (const KvLayout& layout : KvLayouts(model.spec)) {
    if (layout.head_dim % Info(dtype).block_size != 0) return false;
  }
  return KvCacheBytes(model, dtype, 1) < KvCacheBytes(model, than, 1);
}

// Smaller forms of the wish that fit, for the message.
std::string WhatFits(const Model& model, const MemoryWish& wish, const PlannedRun& run) {
  std::vector<std::string> ways;
  if (run.largest_context > 0) ways.push_back(fmt::format("--ctx {}", run.largest_context));
  for (const auto& [dtype, name] : {std::pair{DType::kF16, "f16"}, {DType::kQ8_0, "q8_0"}}) {
    MemoryWish other = wish;
    other.runner.kv_dtype = dtype;
    if (!IsSmallerCache(model, dtype, wish.runner.kv_dtype)) continue;
    const int context = Planner(model, other).LargestContext(run.shape.context);
    if (context > run.largest_context) {
      ways.push_back(fmt::format("--kv {} --ctx {}", name, context));
    }
  }
  if (!wish.lazy) {
    MemoryWish other = wish;
    other.lazy = true;
    const int context = Planner(model, other).LargestContext(run.shape.context);
    if (context > run.largest_context) ways.push_back(fmt::format("--lazy --ctx {}", context));
  }
  if (ways.empty()) return "No context fits. Hint: a smaller model or quantisation";
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
  const std::string limit = flags.memory.value_or(run.memory);
  if (!limit.empty() && limit != "0") {
    wish.limit = ParseByteCount(limit, flags.memory ? "--memory" : "run.memory");
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
  PlannedRun run;
  int context = ResolveContext(model, wish.context);
  run.largest_context = planner.LargestContext(
      wish.context == 0 ? std::min(model.spec.max_context, kDefaultContext) : context);
  if (wish.context == 0 && run.largest_context > 0) context = run.largest_context;
  run.shape = wish.shape(context);
  run.plan = planner.Plan(context);
  run.checks = planner.Check(run.plan);
  return run;
}

void RefuseUnlessFits(const LoadedModel& loaded, const MemoryWish& wish, const PlannedRun& run) {
  for (const MemoryCheck& check : run.checks) {
    if (check.fits()) continue;
    Fail(ErrorCode::kExhausted,
         "{}: this run needs {} of memory, but {} allows {}. The plan: {}. {}. `tael plan` shows "
         "more",
         loaded.path, HumanBytes(check.needed), check.source, HumanBytes(check.limit),
         PartsText(run, wish.runner.kv_dtype), WhatFits(*loaded.model, wish, run));
  }
}

FittedRun FitIntoMemory(const LoadedModel& loaded, const MemoryWish& wish) {
  const PlannedRun run = PlanRun(*loaded.model, wish);
  RefuseUnlessFits(loaded, wish, run);
  FittedRun fitted{.context = run.shape.context, .runner = wish.runner};
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
