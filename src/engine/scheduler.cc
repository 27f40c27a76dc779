#include "engine/scheduler.h"

#include <algorithm>

#include "base/error.h"
#include "engine/model_runner.h"

namespace tael {
namespace {

// Of a step in all, however long it takes: a few rows cost little more than one.
constexpr int kLeastPromptRows = 8;

}  // namespace

StepSize SizeOf(const StepPlan& plan) {
  StepSize size;
  for (const PlannedRows& rows : plan) size.Add(rows.begin, rows.count);
  return size;
}

Scheduler::Scheduler(const SchedulerLimits& limits, BlockPool& pool, const SchedulerStates& states)
    : limits_(limits), pool_(pool), states_(states), accounts_(4.0 * limits.quantum) {
  if (states_.cache == nullptr) return;
  for (StateSlot slot = limits.max_sequences - 1; slot >= 0; --slot) free_states_.push_back(slot);
}

void Scheduler::Add(std::unique_ptr<Sequence>&& sequence) {
  List added;
  added.emplace_back();  // whatever may throw comes before the sequence is touched
  accounts_.Enter(sequence->owner(), sequence->asked->weight);
  added.front() = std::move(sequence);
  added.front()->arrival = ++arrivals_;
  PutBack(added, added.begin());
}

// Moves a sequence to where it waits.
void Scheduler::PutBack(List& from, List::iterator sequence) {
  const auto before = [&](const Owned& other) {
    const int ours = (*sequence)->asked->priority, theirs = other->asked->priority;
    return ours != theirs ? ours > theirs : (*sequence)->arrival < other->arrival;
  };
  waiting_.splice(std::find_if(waiting_.begin(), waiting_.end(), before), from, sequence);
}

std::vector<Sequence*> Scheduler::All() const {
  std::vector<Sequence*> all;
  all.reserve(running_.size() + waiting_.size());
  for (const Owned& sequence : running_) all.push_back(sequence.get());
  for (const Owned& sequence : waiting_) all.push_back(sequence.get());
  return all;
}

// The prompt of several choices is evaluated by the first one; the others then find it published.
bool Scheduler::MustWaitForSibling(const Sequence& candidate) const {
  if (!limits_.share_prefixes || !candidate.asked->reuse_prefix) return false;
  const int shareable = (candidate.report.prompt_tokens - 1) / kKvBlockPositions;
  return std::any_of(running_.begin(), running_.end(), [&](const Owned& other) {
    return other->request == candidate.request && other->published < shareable;
  });
}

void Scheduler::TakeSharedPrefix(Sequence& sequence) {
  if (!limits_.share_prefixes || !sequence.asked->reuse_prefix) return;
  // The last token is always evaluated: its logits are needed.
  const std::span<const TokenId> tokens = sequence.tokens;
  sequence.blocks = pool_.TakePrefix(tokens.first(tokens.size() - 1), sequence.scope);
  sequence.published = static_cast<int>(sequence.blocks.size());
  sequence.computed = sequence.published * kKvBlockPositions;
  if (states_.cache != nullptr) {
    sequence.parted = pool_.PrefixBlocks(tokens, sequence.scope) * kKvBlockPositions;
  }
  if (sequence.report.preemptions == 0) {
    sequence.report.cached_tokens = std::min(sequence.computed, sequence.report.prompt_tokens);
  }
}

// A slot for a sequence that begins to run, with the state at the end of the prefix it found.
void Scheduler::TakeState(Sequence& sequence) {
  if (states_.cache == nullptr) return;
  sequence.state = free_states_.back();
  free_states_.pop_back();
  if (sequence.computed == 0) return;
  states_.cache->Copy(states_.snapshots->At(sequence.blocks.back()), sequence.state);
}

// A step that failed leaves states that are good for nothing: their sequences start again.
void Scheduler::RestartLostStates() {
  if (states_.cache == nullptr) return;
  states_.snapshots->DropReserved();
  for (auto at = running_.end(); at != running_.begin();) {
    const auto sequence = std::prev(at);
    if ((*sequence)->computed > 0 &&
        states_.cache->position((*sequence)->state) != (*sequence)->computed) {
      Preempt(sequence);
    } else {
      at = sequence;
    }
  }
}

// Slots for the states worth keeping that the next `count` rows pass.
std::vector<StateSnapshot> Scheduler::Snapshots(const Sequence& sequence, int count) {
  std::vector<StateSnapshot> snapshots;
  if (states_.cache == nullptr || !limits_.share_prefixes) return snapshots;
  // The one nearest to the end first: slots may run out.
  std::vector<int> positions = SnapshotPositions(sequence.report.prompt_tokens);
  std::reverse(positions.begin(), positions.end());
  if (std::find(positions.begin(), positions.end(), sequence.parted) == positions.end()) {
    positions.push_back(sequence.parted);
  }
  const std::span<const TokenId> tokens = sequence.tokens;
  for (const int position : positions) {
    if (position <= sequence.computed || position > sequence.computed + count) continue;
    const auto before = tokens.first(static_cast<size_t>(position));
    if (pool_.HasState(before, sequence.scope)) continue;
    const StateSlot slot = states_.snapshots->Reserve();
    if (slot != kNoState) snapshots.push_back({position, slot});
  }
  return snapshots;
}

// Blocks that the tokens of `sequence` still need.
int Scheduler::MissingBlocks(const Sequence& sequence) {
  return std::max(0, BlocksFor(sequence.length()) - static_cast<int>(sequence.blocks.size()));
}

bool Scheduler::Reserve(Sequence& sequence, int positions) {
  while (static_cast<int>(sequence.blocks.size()) < BlocksFor(positions)) {
    const auto block = pool_.Allocate();
    if (!block) return false;
    sequence.blocks.push_back(*block);
  }
  return true;
}

// Takes memory from the youngest sequences until `positions` fit; never from older ones.
bool Scheduler::ReserveByPreemption(Sequence& sequence, int positions) {
  while (!Reserve(sequence, positions)) {
    const auto youngest = std::prev(running_.end());
    if (youngest->get() == &sequence) return false;
    Preempt(youngest);
  }
  return true;
}

void Scheduler::ReleaseBlocks(Sequence& sequence) {
  // The end first: what is shared least is forgotten first.
  for (auto block = sequence.blocks.rbegin(); block != sequence.blocks.rend(); ++block) {
    pool_.Release(*block);
  }
  sequence.blocks.clear();
  if (sequence.state != kNoState) free_states_.push_back(sequence.state);
  sequence.state = kNoState;
  sequence.computed = sequence.published = 0;
}

void Scheduler::Preempt(List::iterator victim) {
  ReleaseBlocks(**victim);
  ++(*victim)->report.preemptions;
  ++preemptions_;
  PutBack(running_, victim);
}

// Seconds that the next step may take; 0: any time.
double Scheduler::LongestStep() const {
  const Sequence& first = *running_.front();
  const auto other = [&](const Owned& sequence) {
    return sequence->request != first.request || sequence->decoding();
  };
  const auto waits = [&](const Owned& sequence) { return sequence->request != first.request; };
  const bool alone = std::none_of(running_.begin(), running_.end(), other) &&
                     std::none_of(waiting_.begin(), waiting_.end(), waits);
  return alone ? limits_.lone_step_seconds : limits_.step_seconds;
}

// How many rows each running sequence gets: one if it decodes; what is left goes to prompts, to
// those of the owner that was served least first. REQUIRES: something runs.
void Scheduler::AllotRows(const StepTime* time) {
  std::vector<Sequence*> prompts;
  StepSize step;
  for (const Owned& sequence : running_) {
    sequence->rows = sequence->decoding() ? 1 : 0;
    if (sequence->rows == 0) prompts.push_back(sequence.get());
    if (sequence->rows > 0) step.Add(sequence->computed, 1);
  }
  int left = limits_.max_batch_tokens - step.rows;
  // Somebody must move, whatever the limit.
  if (prompts.size() == running_.size()) left = std::max(left, 1);
  std::stable_sort(prompts.begin(), prompts.end(), [&](const Sequence* a, const Sequence* b) {
    const double used_a = accounts_.used(a->owner()), used_b = accounts_.used(b->owner());
    return used_a != used_b ? used_a < used_b : a->asked->priority > b->asked->priority;
  });
  double most = LongestStep();
  const bool limited = time != nullptr && most > 0;
  if (limited) most = std::max(most, 2 * time->Predict(step));
  int least = kLeastPromptRows;
  for (Sequence* sequence : prompts) {
    int rows = std::max(0, std::min({sequence->pending(), limits_.prefill_chunk, left}));
    if (limited && rows > least) {
      rows = std::max(least, time->RowsWithin(step, sequence->computed, rows, most));
    }
    step.Add(sequence->computed, rows);
    least = std::max(0, least - rows);
    left -= rows;
    sequence->rows = rows;
  }
}

// Blocks for those rows, from the one that runs longest to the youngest: whoever loses its memory
// has not been planned yet.
StepPlan Scheduler::ReserveRows() {
  StepPlan plan;
  for (auto at = running_.begin(); at != running_.end(); ++at) {
    Sequence& sequence = **at;
    const int count = sequence.rows;
    if (count == 0) continue;
    if (!ReserveByPreemption(sequence, sequence.computed + count)) {
      // The youngest itself finds no memory: it lets the others go on.
      Preempt(at);
      break;
    }
    plan.push_back({&sequence, sequence.computed, count, Snapshots(sequence, count)});
  }
  return plan;
}

StepPlan Scheduler::Schedule(const StepTime* time) {
  RestartLostStates();
  Admit();
  SettleOwners();
  StepPlan plan;
  // Nobody is planned only when the ones with rows found no memory beside older ones without:
  // then there is one less each time.
  while (plan.empty() && !running_.empty()) {
    AllotRows(time);
    plan = ReserveRows();
  }
  return plan;
}

void Scheduler::MarkComputed(const StepPlan& plan) {
  for (const PlannedRows& rows : plan) {
    Sequence& sequence = *rows.sequence;
    sequence.computed = rows.begin + rows.count;
    // What is evaluated again was charged before.
    const int fresh = std::max(0, sequence.computed - sequence.charged);
    sequence.charged += fresh;
    sequence.turn += fresh;
    accounts_.Charge(sequence.owner(), fresh);
    if (!limits_.share_prefixes) continue;
    for (; sequence.published < sequence.computed / kKvBlockPositions; ++sequence.published) {
      pool_.Publish(sequence.blocks, sequence.published, sequence.tokens, sequence.scope);
    }
    for (const StateSnapshot& kept : rows.snapshots) {
      pool_.KeepState(
          kept.slot,
          std::span<const TokenId>(sequence.tokens).first(static_cast<size_t>(kept.position)),
          sequence.scope);
    }
  }
}

std::unique_ptr<Sequence> Scheduler::Remove(Sequence* sequence) {
  ReleaseBlocks(*sequence);
  accounts_.Leave(sequence->owner());
  const auto is_it = [&](const Owned& owned) { return owned.get() == sequence; };
  List* list = &running_;
  auto at = std::find_if(running_.begin(), running_.end(), is_it);
  if (at == running_.end()) {
    list = &waiting_;
    at = std::find_if(waiting_.begin(), waiting_.end(), is_it);
    TAEL_CHECK(at != waiting_.end());
  }
  Owned removed = std::move(*at);
  list->erase(at);
  return removed;
}

}  // namespace tael
