// Decides what each step evaluates: which sequences run, how much of their prompts, who waits.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <vector>

#include "engine/sequence.h"
#include "kv/batch.h"
#include "kv/block_pool.h"

namespace tael {

// Tokens [begin, begin + count) of a sequence. The last row's logits are wanted when it ends the
// sequence's tokens.
struct PlannedRows {
  Sequence* sequence = nullptr;
  int begin = 0, count = 0;
  std::vector<StateSnapshot> snapshots = {};  // states to keep in passing
  bool ends() const { return begin + count == sequence->length(); }
};
using StepPlan = std::vector<PlannedRows>;

struct SchedulerLimits {
  int max_sequences = 8;        // that run at the same time
  int max_batch_tokens = 1024;  // rows of a step; decoding sequences come first
  int prefill_chunk = 512;      // rows of one sequence in a step
  bool share_prefixes = true;
};

// Where sequences keep their recurrent states: slot i < max_sequences of `cache` belongs to one
// that runs, the others to `snapshots`. Null for models without states. Both must outlive the
// scheduler.
struct SchedulerStates {
  StateCache* cache = nullptr;
  SnapshotPool* snapshots = nullptr;
};

// Sequences are served in the order they came. A running one keeps running; when the cache is full,
// the youngest gives its blocks back, waits at the front and is evaluated again later, with the
// same result (docs/numerics.md). One case breaks the order: while the first choice of a request
// evaluates the prompt, its siblings wait, and later requests may take the places that would stay
// empty meanwhile. Nothing overtakes that first choice, so this ends with its prompt; from then on
// the siblings come before everybody who waits behind them. Not thread-safe.
class Scheduler {
 public:
  // `pool` must outlive it.
  Scheduler(const SchedulerLimits& limits, BlockPool& pool, const SchedulerStates& states = {});

  // REQUIRES: alone in the cache, the sequence can always run to its end. When it throws
  // std::bad_alloc, `sequence` is untouched.
  void Add(std::unique_ptr<Sequence>&& sequence);
  // The next step; empty when nothing is left to do. Planned rows have their blocks.
  StepPlan Schedule();
  // The plan was evaluated: its rows are in the cache; full blocks become shareable.
  void MarkComputed(const StepPlan& plan);
  // Ends a sequence, wherever it is, and gives its blocks back.
  std::unique_ptr<Sequence> Remove(Sequence* sequence);

  // All sequences: running, then waiting.
  std::vector<Sequence*> All() const;
  int running() const { return static_cast<int>(running_.size()); }
  int waiting() const { return static_cast<int>(waiting_.size()); }

 private:
  using Owned = std::unique_ptr<Sequence>;

  void Admit();
  bool MustWaitForSibling(const Sequence& candidate) const;
  static int MissingBlocks(const Sequence& sequence);
  void TakeSharedPrefix(Sequence& sequence);
  void TakeState(Sequence& sequence);
  void RestartLostStates();
  std::vector<StateSnapshot> Snapshots(const Sequence& sequence, int count);
  bool Reserve(Sequence& sequence, int positions);
  bool ReserveByPreemption(Sequence& sequence, int positions);
  void Preempt(std::list<Owned>::iterator victim);
  void ReleaseBlocks(Sequence& sequence);

  SchedulerLimits limits_;
  BlockPool& pool_;
  SchedulerStates states_;
  std::vector<StateSlot> free_states_;
  std::deque<Owned> waiting_;
  std::list<Owned> running_;  // in the order they were added
};

}  // namespace tael
