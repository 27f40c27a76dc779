// Decides what each step evaluates: which sequences run, how much of their prompts, who waits.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <vector>

#include "engine/engine_stats.h"
#include "engine/fair_places.h"
#include "engine/owner_accounts.h"
#include "engine/sequence.h"
#include "engine/step_time.h"
#include "kv/batch.h"
#include "kv/block_pool.h"

namespace tael {

// Tokens [begin, begin + count) of a sequence. The last row's logits are wanted when it ends the
// sequence's tokens.
struct PlannedRows {
  Sequence* sequence = nullptr;
  int begin = 0, count = 0;
  std::vector<StateSnapshot> snapshots = {};  // states to keep in passing
  bool first = false;                         // rows of the sequence (set by the engine)
  bool ends() const { return begin + count == sequence->length(); }
};
using StepPlan = std::vector<PlannedRows>;
StepSize SizeOf(const StepPlan& plan);

struct SchedulerLimits {
  int max_sequences = 8;        // that run at the same time
  int max_batch_tokens = 1024;  // rows of a step; decoding sequences come first
  int prefill_chunk = 512;      // rows of one sequence in a step
  bool share_prefixes = true;
  // New tokens that a sequence is served before it gives its place to another owner, and at least
  // an eighth of its length, which is what it may have to evaluate again.
  int quantum = 64;
  // Seconds that a step may take while somebody decodes, waits or shares it with another request;
  // 0: any time. Prompts get fewer rows for that, which changes no bit. If decoding alone takes
  // longer than half of it, prompts may take as long as decoding does.
  double step_seconds = 0;
  // The same for a step of one request's prompt with nobody waiting.
  double lone_step_seconds = 0;
};
// For serving people who wait.
inline constexpr double kServedStepSeconds = 0.05;

// Where sequences keep their recurrent states: slot i < max_sequences of `cache` belongs to one
// that runs, the others to `snapshots`. Null for models without states. Both must outlive the
// scheduler.
struct SchedulerStates {
  StateCache* cache = nullptr;
  SnapshotPool* snapshots = nullptr;
};

// Owners are served alike in tokens (OwnerAccounts), within an owner by priority, then in the order
// the sequences came. A running one keeps running, with two exceptions, after which it waits at the
// front of its owner and is evaluated again later, with the same result (docs/numerics.md):
//   - the cache is full: the one that runs shortest gives its blocks back;
//   - it has had its quantum, and what it holds is claimed by another owner (ClaimOf) or by a
//     higher priority of its own: the youngest of the owner that is served most.
// While the first choice of a request evaluates the prompt, its siblings wait, and later requests
// may take the places that would stay empty meanwhile; no later one of the same owner gets rows
// that the first choice could use, and from the end of its prompt on the siblings come before
// everybody of their owner who waits behind them.
//
// Nobody starves and nothing goes round in circles: the sequence that runs longest never loses its
// blocks to others, and its place only after a quantum of tokens that it had never computed before;
// owners that wait fall behind in tokens until they are next. Not thread-safe.
class Scheduler {
 public:
  // `pool` must outlive it.
  Scheduler(const SchedulerLimits& limits, BlockPool& pool, const SchedulerStates& states = {});

  // REQUIRES: alone in the cache, the sequence can always run to its end. When it throws
  // std::bad_alloc, `sequence` is untouched.
  void Add(std::unique_ptr<Sequence>&& sequence);
  // The next step; empty when nothing is left to do. Planned rows have their blocks. `time` says
  // how long steps take; null: their length has no limit.
  StepPlan Schedule(const StepTime* time = nullptr);
  // The plan was evaluated: its rows are in the cache and charged; full blocks become shareable.
  void MarkComputed(const StepPlan& plan);
  // Ends a sequence, wherever it is, and gives its blocks back.
  std::unique_ptr<Sequence> Remove(Sequence* sequence);

  // All sequences: running, then waiting.
  std::vector<Sequence*> All() const;
  int running() const { return static_cast<int>(running_.size()); }
  int waiting() const { return static_cast<int>(waiting_.size()); }
  const OwnerAccounts& accounts() const { return accounts_; }
  std::vector<OwnerStats> owners() const;
  int64_t preemptions() const { return preemptions_; }

 private:
  using Owned = std::unique_ptr<Sequence>;
  using List = std::list<Owned>;

  using Victims = std::vector<const Sequence*>;

  void Admit();
  bool AdmitNext();
  void SettleOwners();
  std::vector<List::iterator> NextOfOwners();
  bool MustWaitForSibling(const Sequence& candidate) const;
  std::map<OwnerId, OwnerUse> Uses(const Victims& without) const;
  Shortage ShortageFor(const Sequence& candidate, const Victims& without) const;
  const Sequence* VictimFor(const Sequence& candidate, const Shortage& shortage,
                            const Victims& without) const;
  bool MakeRoom(const Sequence& candidate);
  void AllotRows(const StepTime* time);
  double LongestStep() const;
  StepPlan ReserveRows();
  static int MissingBlocks(const Sequence& sequence);
  void TakeSharedPrefix(Sequence& sequence);
  void TakeState(Sequence& sequence);
  void RestartLostStates();
  std::vector<StateSnapshot> Snapshots(const Sequence& sequence, int count);
  bool Reserve(Sequence& sequence, int positions);
  bool ReserveByPreemption(Sequence& sequence, int positions);
  void Preempt(List::iterator victim);
  void PutBack(List& from, List::iterator sequence);
  void ReleaseBlocks(Sequence& sequence);

  SchedulerLimits limits_;
  BlockPool& pool_;
  SchedulerStates states_;
  std::vector<StateSlot> free_states_;
  OwnerAccounts accounts_;
  uint64_t arrivals_ = 0;
  int64_t preemptions_ = 0;
  List waiting_;  // by priority, then arrival
  List running_;  // in the order they began to run
};

}  // namespace tael
