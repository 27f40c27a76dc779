#include "engine/scheduler.h"

#include <algorithm>

#include "base/error.h"
#include "engine/model_runner.h"

namespace tael {

Scheduler::Scheduler(const SchedulerLimits& limits, BlockPool& pool, const SchedulerStates& states)
    : limits_(limits), pool_(pool), states_(states) {
  if (states_.cache == nullptr) return;
  for (StateSlot slot = limits.max_sequences - 1; slot >= 0; --slot) free_states_.push_back(slot);
}

void Scheduler::Add(std::unique_ptr<Sequence>&& sequence) {
  waiting_.push_back(std::move(sequence));
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

void Scheduler::Admit() {
  int promised = 0;
  for (const Owned& sequence : running_) promised += MissingBlocks(*sequence);
  auto next = waiting_.begin();
  while (next != waiting_.end() && running() < limits_.max_sequences) {
    if (MustWaitForSibling(**next)) {
      ++next;
      continue;
    }
    TakeSharedPrefix(**next);
    promised += MissingBlocks(**next);
    // A newcomer must not push out the ones that run: all its tokens need room beside theirs.
    if (running() > 0 && pool_.available() < promised) {
      ReleaseBlocks(**next);
      return;
    }
    TakeState(**next);
    running_.push_back(std::move(*next));
    next = waiting_.erase(next);
  }
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

void Scheduler::Preempt(std::list<Owned>::iterator victim) {
  ReleaseBlocks(**victim);
  ++(*victim)->report.preemptions;
  waiting_.push_front(std::move(*victim));
  running_.erase(victim);
}

StepPlan Scheduler::Schedule() {
  RestartLostStates();
  Admit();
  StepPlan plan;
  int prefill_rows = limits_.max_batch_tokens;
  for (const Owned& sequence : running_) prefill_rows -= sequence->decoding() ? 1 : 0;
  // From the oldest to the youngest: whoever loses its memory has not been planned yet.
  for (auto at = running_.begin(); at != running_.end();) {
    Sequence& sequence = **at;
    int count = 1;
    if (!sequence.decoding()) {
      // Somebody must move, whatever the limit.
      const int allowed = plan.empty() ? std::max(1, prefill_rows) : prefill_rows;
      count = std::min({sequence.pending(), limits_.prefill_chunk, allowed});
    }
    if (count > 0 && ReserveByPreemption(sequence, sequence.computed + count)) {
      plan.push_back({&sequence, sequence.computed, count, Snapshots(sequence, count)});
      if (!sequence.decoding()) prefill_rows -= count;
    } else if (count > 0) {
      // The youngest itself finds no memory: it lets the others go on.
      Preempt(at);
      break;
    }
    ++at;
  }
  return plan;
}

void Scheduler::MarkComputed(const StepPlan& plan) {
  for (const PlannedRows& rows : plan) {
    Sequence& sequence = *rows.sequence;
    sequence.computed = rows.begin + rows.count;
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
  const auto is_it = [&](const Owned& owned) { return owned.get() == sequence; };
  Owned removed;
  if (const auto at = std::find_if(running_.begin(), running_.end(), is_it); at != running_.end()) {
    removed = std::move(*at);
    running_.erase(at);
    return removed;
  }
  const auto at = std::find_if(waiting_.begin(), waiting_.end(), is_it);
  TAEL_CHECK(at != waiting_.end());
  removed = std::move(*at);
  waiting_.erase(at);
  return removed;
}

}  // namespace tael
