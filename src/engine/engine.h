// Many requests on one model: continuous batching with the bits each request would get alone.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/engine_stats.h"
#include "engine/model_runner.h"
#include "engine/request.h"
#include "engine/scheduler.h"

namespace tael {

struct EngineOptions {
  int max_context = 0;  // positions of one sequence; 0 = ResolveContext()'s default
  int kv_blocks = 0;    // of 64 positions; 0 = max_sequences times the blocks of max_context
  // Rows of a step whose logits are wanted; 0 = max_sequences. Requests that observe logits get
  // them in any case; memory is planned for this many.
  int logit_rows = 0;
  // With step_seconds, lone_step_seconds of 0 becomes 80 ms for each layer, for so long may a
  // cancelled request go on, and at most 1 s, which newcomers may have to wait.
  // Rows of a step whose hidden states are wanted, for planning memory; requests with pooling get
  // them in any case.
  int hidden_rows = 0;
  SchedulerLimits limits;
  RunnerOptions runner;
  QueueLimits queue = {};
  // Of deadlines and reported seconds; empty: the steady clock. Called from Submit() too.
  std::function<EngineTime()> clock = {};
};

// What an engine with sequences of `context` positions needs. Throws kInvalidArgument.
RunShape ShapeOf(const EngineOptions& options, int context);

// Throws kExhausted, with both numbers, when a prompt of so many tokens is longer than the context.
void CheckPromptFits(size_t tokens, int context, const Model& model);

// Submit(), Cancel(), CancelAll(), idle() and stats() may be called from any thread, everything
// else from one.
class Engine {
 public:
  // Throws kInvalidArgument (bad option; fewer blocks than one sequence may need), kExhausted. The
  // model must outlive it.
  Engine(const Model& model, const EngineOptions& options);
  // Sequences that still live are dropped without a word to their observers, whose owners may be
  // gone. To end them with a report: Cancel() each request, then Step().
  ~Engine();

  // Queues a request. Throws kInvalidArgument or kExhausted (a prompt longer than the context)
  // before anything is evaluated, and QueueFull.
  RequestId Submit(EngineRequest request);
  // Ends all choices of the request at the next step; unknown and finished ones are ignored. A step
  // that computes for cancelled requests only ends behind the layer at hand.
  void Cancel(RequestId request);
  // The same for every request there is now.
  void CancelAll();

  // One pass through the model for everybody who has something to evaluate; reports new tokens.
  // False when there was nothing to do. Throws std::bad_alloc when a step's memory cannot be had:
  // nothing was reported then (sequences with a recurrent state are evaluated again), and Cancel()
  // can make the next step smaller.
  bool Step();

  // Nothing waits and nothing runs: Step() would do nothing.
  bool idle() const;
  // As of the end of the last step; what is queued, as of now.
  EngineStats stats() const;

  int max_context() const { return max_context_; }
  int threads() const { return runner_.threads(); }
  const KernelTable& kernels() const { return runner_.kernels(); }
  const PackedWeights& packed() const { return runner_.packed(); }
  // Rows that the last Step() gave to the model in one call.
  int last_rows() const { return last_rows_; }
  int64_t forward_calls() const { return forward_calls_; }

 private:
  void Check(const EngineRequest& request) const;
  std::unique_ptr<Sequence> MakeSequence(std::shared_ptr<const EngineRequest> asked,
                                         int choice) const;
  CacheScope ScopeOf(const EngineRequest& request, const std::vector<AdapterUse>& adapters);
  void CheckQueue(OwnerId owner, const QueueLoad& more) const;
  void DrainInbox();
  void EndExpired();
  void BeginForward(const StepPlan& plan);
  void CheckWanted();
  void Evaluate(StepPlan& plan);
  int64_t CountRows(const StepPlan& plan);
  void CountStep(const StepSize& size, int64_t prompt_rows, double seconds);
  void PublishStats();
  void LeaveQueue(StepPlan& plan);
  void Report(const StepPlan& plan, const ForwardResult& result);
  void ReportEnd(Sequence& sequence, std::span<const float> logits);
  static SampledToken NextToken(Sequence& sequence, std::span<const float> logits);
  void Advance(Sequence& sequence, std::span<const float> logits);
  std::unique_ptr<Sequence> Take(Sequence& sequence);
  void Finish(Sequence& sequence, FinishReason reason);
  void Abandon(Sequence& sequence, const std::exception_ptr& error);

  int max_context_;
  ModelRunner runner_;
  SnapshotPool snapshots_;  // not used by models without a recurrent state
  BlockPool pool_;
  Scheduler scheduler_;
  std::shared_ptr<SamplerBuffers> sampler_buffers_;
  int last_rows_ = 0;
  int64_t forward_calls_ = 0;
  std::function<EngineTime()> clock_;
  EngineTime now_;  // when the step at hand began, or was evaluated
  int ends_ = 0;    // choices that ended since the last step

  bool share_prefixes_;
  std::atomic<bool> abandoned_ = false;  // nobody wants the step that is computed
  StepTime step_time_;

  QueueLimits queue_limits_;
  int64_t generated_ = 0;  // tokens, since the last step
  TokenRate prompt_rate_, generated_rate_;
  EngineStats counted_;

  mutable std::mutex inbox_mutex_;  // guards what follows
  RequestId next_id_ = 1;
  std::list<std::unique_ptr<Sequence>> submitted_;
  QueueGauge queue_;
  EndRate end_rate_;
  EngineStats published_;
  std::vector<RequestId> cancelled_;
  bool all_cancelled_ = false;
  std::vector<RequestId> in_step_;  // requests with rows in the step that is computed, each once
  // Lists of adapters that requests used last and their numbers in CacheScope, which are never
  // given again: blocks of a list that was dropped may still lie in the cache.
  struct AdapterList {
    std::vector<AdapterUse> uses;
    uint64_t number = 0;
  };
  std::vector<AdapterList> adapter_lists_;
  uint64_t next_adapter_list_ = 1;
};

// The rows of `plan` as the model sees them. Logits are asked for where a sequence's tokens end,
// and everywhere for sequences that observe them.
Batch BuildBatch(const StepPlan& plan);

}  // namespace tael
