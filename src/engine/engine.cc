#include "engine/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

SchedulerLimits Checked(const SchedulerLimits& limits) {
  const auto check = [](const char* name, int value) {
    constexpr int kMost = 1 << 20;
    if (value < 1 || value > kMost) {
      Fail(ErrorCode::kInvalidArgument, "{} is {}, needed 1 to {}", name, value, kMost);
    }
  };
  check("the number of sequences", limits.max_sequences);
  check("the batch size", limits.max_batch_tokens);
  check("prefill chunk", limits.prefill_chunk);
  check("quantum", limits.quantum);
  for (const double seconds : {limits.step_seconds, limits.lone_step_seconds}) {
    if (!(seconds >= 0)) {
      Fail(ErrorCode::kInvalidArgument, "seconds of a step are {}, needed 0 or more", seconds);
    }
  }
  return limits;
}

int ResolveBlocks(const EngineOptions& options, int max_context) {
  const int needed = BlocksFor(max_context);
  if (options.kv_blocks == 0) {
    const int64_t blocks = int64_t{needed} * Checked(options.limits).max_sequences;
    if (blocks > std::numeric_limits<int>::max()) {
      Fail(ErrorCode::kInvalidArgument,
           "{} sequences of {} positions need {} cache blocks. Hint: fewer sequences or a smaller "
           "context",
           options.limits.max_sequences, max_context, blocks);
    }
    return static_cast<int>(blocks);
  }
  if (options.kv_blocks < needed) {
    Fail(ErrorCode::kInvalidArgument,
         "the cache has {} blocks, but one sequence of {} positions needs {}. Hint: a smaller "
         "context or a larger cache",
         options.kv_blocks, max_context, needed);
  }
  return options.kv_blocks;
}

// States kept for later, of models that have any: one for each sequence that can share it, and one
// for a beginning that several have in common.
int SnapshotsFor(const SchedulerLimits& limits) {
  return limits.share_prefixes ? limits.max_sequences + 1 : 0;
}

SchedulerLimits LimitsFor(const Model& model, SchedulerLimits limits) {
  constexpr double kLayerSeconds = 0.08, kLongest = 1;
  if (limits.step_seconds > 0 && limits.lone_step_seconds == 0) {
    limits.lone_step_seconds =
        std::min(kLongest, kLayerSeconds * static_cast<double>(model.spec.layers.size()));
  }
  return limits;
}

SchedulerStates StatesOf(ModelRunner& runner, SnapshotPool& snapshots) {
  if (runner.states().empty()) return {};
  return {&runner.states(), &snapshots};
}

}  // namespace

RunShape ShapeOf(const EngineOptions& options, int context) {
  const SchedulerLimits limits = Checked(options.limits);
  const int chunk = std::min(limits.prefill_chunk, context);
  const int64_t rows =
      std::min<int64_t>(limits.max_batch_tokens, int64_t{limits.max_sequences} * chunk);
  return {.context = context,
          .sequences = limits.max_sequences,
          .rows = static_cast<int>(rows),
          .logit_rows = options.logit_rows > 0 ? options.logit_rows : limits.max_sequences,
          .kv_blocks = ResolveBlocks(options, context),
          .hidden_rows = options.hidden_rows,
          .state_slots = limits.max_sequences + SnapshotsFor(limits)};
}

Engine::Engine(const Model& model, const EngineOptions& options)
    : max_context_(ResolveContext(model, options.max_context)),
      runner_(model, options.runner, ShapeOf(options, max_context_)),
      snapshots_(options.limits.max_sequences, SnapshotsFor(options.limits)),
      pool_(ResolveBlocks(options, max_context_), StatesOf(runner_, snapshots_).snapshots),
      scheduler_(LimitsFor(model, options.limits), pool_, StatesOf(runner_, snapshots_)),
      sampler_buffers_(std::make_shared<SamplerBuffers>(runner_.kernels())),
      clock_(options.clock ? options.clock : &std::chrono::steady_clock::now),
      share_prefixes_(options.limits.share_prefixes),
      queue_limits_(options.queue) {
  if (options.runner.resident) {
    sampler_buffers_->Reserve(static_cast<size_t>(model.spec.vocab_size));
  }
  PublishStats();
}

Engine::~Engine() = default;

void Engine::DrainInbox() {
  std::vector<Sequence*> sequences;
  std::vector<RequestId> cancelled;
  bool all = false;
  {
    const std::lock_guard<std::mutex> lock(inbox_mutex_);
    // One by one: what cannot be taken for want of memory stays where it is.
    while (!submitted_.empty()) {
      scheduler_.Add(std::move(submitted_.front()));
      submitted_.pop_front();
      ++published_.waiting;  // until the step tells more, so that idle() is never too early
    }
    if (cancelled_.empty() && !all_cancelled_) return;
    sequences = scheduler_.All();
    cancelled.swap(cancelled_);
    all = std::exchange(all_cancelled_, false);
  }
  for (Sequence* sequence : sequences) {
    if (all ||
        std::find(cancelled.begin(), cancelled.end(), sequence->request) != cancelled.end()) {
      Finish(*sequence, FinishReason::kCancelled);
    }
  }
}

void Engine::EndExpired() {
  for (Sequence* sequence : scheduler_.All()) {
    const auto& deadline = sequence->asked->deadline;
    if (deadline && *deadline <= now_) Finish(*sequence, FinishReason::kDeadline);
  }
}

// Those who begin with this step wait no longer. Nor is anybody in a step.
void Engine::LeaveQueue(StepPlan& plan) {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  in_step_.clear();
  for (PlannedRows& rows : plan) {
    Sequence& sequence = *rows.sequence;
    if (sequence.started) continue;
    rows.first = sequence.started = true;
    sequence.start = now_;
    sequence.report.queue_seconds = Seconds(sequence.submitted, now_);
    queue_.Remove(sequence.owner(), sequence.load);
  }
}

// Names the requests whose cancelling makes the step useless.
void Engine::BeginForward(const StepPlan& plan) {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  in_step_.clear();
  for (const PlannedRows& rows : plan) {
    if (std::find(in_step_.begin(), in_step_.end(), rows.sequence->request) == in_step_.end()) {
      in_step_.push_back(rows.sequence->request);
    }
  }
  abandoned_ = false;
  CheckWanted();
}

// Returns how many of the rows are of prompts. REQUIRES: the sequences live.
int64_t Engine::CountRows(const StepPlan& plan) {
  int64_t prompt_rows = 0;
  for (const PlannedRows& rows : plan) {
    const int end = std::min(rows.begin + rows.count, rows.sequence->report.prompt_tokens);
    prompt_rows += std::max(0, end - rows.begin);
    if (rows.first) counted_.cached_tokens += rows.sequence->report.cached_tokens;
  }
  counted_.prompt_rows += prompt_rows;
  return prompt_rows;
}

void Engine::CountStep(const StepSize& size, int64_t prompt_rows, double seconds) {
  step_time_.Observe(size, seconds);
  counted_.steps.Add(seconds);
  counted_.generated_tokens += generated_;
  prompt_rate_.Add(prompt_rows, seconds);
  generated_rate_.Add(std::exchange(generated_, 0), seconds);
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  end_rate_.OnStep(seconds, std::exchange(ends_, 0));
}

// What others may see of the engine from now on.
void Engine::PublishStats() {
  counted_.running = scheduler_.running();
  counted_.waiting = scheduler_.waiting();
  counted_.owners = scheduler_.owners();
  counted_.kv_blocks = pool_.num_blocks();
  counted_.kv_used = pool_.num_blocks() - pool_.available();
  counted_.kv_cached = pool_.idle();
  counted_.preemptions = scheduler_.preemptions();
  counted_.prompt_rows_per_second = prompt_rate_.per_second();
  counted_.generated_per_second = generated_rate_.per_second();
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  published_ = counted_;
}

bool Engine::idle() const {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  return submitted_.empty() && published_.running + published_.waiting == 0;
}

EngineStats Engine::stats() const {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  EngineStats stats = published_;
  stats.queued = queue_.all();
  return stats;
}

bool Engine::Step() {
  now_ = clock_();
  DrainInbox();
  EndExpired();
  StepPlan plan = scheduler_.Schedule(&step_time_);
  last_rows_ = 0;
  if (!plan.empty()) Evaluate(plan);
  PublishStats();
  return !plan.empty();
}

void Engine::Evaluate(StepPlan& plan) {
  const Batch batch = BuildBatch(plan);
  const EngineTime begin = now_;
  BeginForward(plan);
  const ForwardResult result = runner_.Run(batch, {.abandoned = &abandoned_});
  if (result.abandoned) {
    now_ = clock_();
    ++counted_.abandoned_steps;
    DrainInbox();  // all of the step's requests end here
    return;
  }
  LeaveQueue(plan);
  now_ = clock_();
  last_rows_ = static_cast<int>(batch.tokens.size());
  ++forward_calls_;
  const StepSize size = SizeOf(plan);
  const int64_t prompt_rows = CountRows(plan);
  scheduler_.MarkComputed(plan);
  Report(plan, result);
  CountStep(size, prompt_rows, Seconds(begin, clock_()));
}

}  // namespace tael
