// Who runs next and who makes room for it, of the scheduler.
#include <algorithm>
#include <set>

#include "engine/runner_options.h"
#include "engine/scheduler.h"

namespace tael {
namespace {

bool Contains(const std::vector<const Sequence*>& list, const Sequence* sequence) {
  return std::find(list.begin(), list.end(), sequence) != list.end();
}

}  // namespace

// The next one of each owner that may run, those of owners that were served least first.
std::vector<Scheduler::List::iterator> Scheduler::NextOfOwners() {
  std::vector<List::iterator> next;
  std::set<OwnerId> seen;
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    if (seen.contains((*at)->owner()) || MustWaitForSibling(**at)) continue;
    seen.insert((*at)->owner());
    next.push_back(at);
  }
  std::stable_sort(next.begin(), next.end(), [&](const auto& a, const auto& b) {
    return accounts_.used((*a)->owner()) < accounts_.used((*b)->owner());
  });
  return next;
}

void Scheduler::Admit() {
  while (AdmitNext()) {
  }
}

// Lets one sequence run. False if there is none that can.
bool Scheduler::AdmitNext() {
  for (const List::iterator next : NextOfOwners()) {
    Sequence& candidate = **next;
    // Without a place it is not worth looking further; the next owner may have a better claim.
    const bool full = running() >= limits_.max_sequences;
    if (full && VictimFor(candidate, ShortageFor(candidate, {}), {}) == nullptr) continue;
    TakeSharedPrefix(candidate);
    if (!MakeRoom(candidate)) {
      ReleaseBlocks(candidate);
      if (full) continue;
      return false;  // what is free is kept for it
    }
    TakeState(candidate);
    candidate.charged = std::max(candidate.charged, candidate.computed);
    candidate.turn = 0;
    running_.splice(running_.end(), waiting_, next);
    return true;
  }
  return false;
}

void Scheduler::SettleOwners() {
  std::set<OwnerId> waiting;
  for (const Owned& sequence : waiting_) waiting.insert(sequence->owner());
  for (const Owned& sequence : running_) {
    if (!waiting.contains(sequence->owner())) accounts_.Settle(sequence->owner());
  }
}

std::vector<OwnerStats> Scheduler::owners() const {
  std::map<OwnerId, OwnerStats> owners;
  const auto of = [&](const Owned& sequence) -> OwnerStats& {
    const OwnerId owner = sequence->owner();
    return owners.try_emplace(owner, OwnerStats{owner, 0, 0, accounts_.used(owner)}).first->second;
  };
  for (const Owned& sequence : running_) ++of(sequence).running;
  for (const Owned& sequence : waiting_) ++of(sequence).waiting;
  std::vector<OwnerStats> list;
  list.reserve(owners.size());
  for (const auto& entry : owners) list.push_back(entry.second);
  return list;
}

// What each owner that runs uses when those of `without` have given back all they have.
std::map<OwnerId, OwnerUse> Scheduler::Uses(const Victims& without) const {
  std::map<OwnerId, OwnerUse> uses;
  for (const Owned& sequence : running_) {
    const OwnerId owner = sequence->owner();
    OwnerUse& use = uses.try_emplace(owner, OwnerUse{accounts_.used(owner), accounts_.share(owner)})
                        .first->second;
    if (Contains(without, sequence.get())) continue;
    ++use.places;
    use.blocks += static_cast<int>(sequence->blocks.size());
  }
  return uses;
}

// What `candidate` lacks when those of `without` have given back all they have.
Shortage Scheduler::ShortageFor(const Sequence& candidate, const Victims& without) const {
  Shortage shortage{.all_places = limits_.max_sequences,
                    .all_blocks = pool_.num_blocks(),
                    .wanted_blocks = BlocksFor(candidate.length()),
                    .margin = limits_.quantum};
  int left = 0, promised = MissingBlocks(candidate), available = pool_.available();
  for (const Owned& sequence : running_) {
    if (Contains(without, sequence.get())) {
      available += static_cast<int>(sequence->blocks.size());
    } else {
      promised += MissingBlocks(*sequence);
      ++left;
    }
  }
  shortage.places = std::max(0, left + 1 - limits_.max_sequences);
  // A newcomer must not push out the ones that run: all its tokens need room beside theirs.
  if (left > 0) shortage.blocks = std::max(0, promised - available);
  return shortage;
}

// The sequence that has to make room first; null if nobody has to.
const Sequence* Scheduler::VictimFor(const Sequence& candidate, const Shortage& shortage,
                                     const Victims& without) const {
  const std::map<OwnerId, OwnerUse> uses = Uses(without);
  const OwnerId owner = candidate.owner();
  const auto own = uses.find(owner);
  const OwnerUse wants =
      own != uses.end() ? own->second : OwnerUse{accounts_.used(owner), accounts_.share(owner)};
  const Sequence* victim = nullptr;
  Claim best = Claim::kNone;
  double most = 0;
  for (auto at = running_.rbegin(); at != running_.rend(); ++at) {  // the youngest first
    const Sequence& running = **at;
    if (Contains(without, &running)) continue;
    if (running.turn < std::max(limits_.quantum, running.length() / 8)) continue;
    const OwnerUse& holds = uses.at(running.owner());
    Claim claim = Claim::kNone;
    if (running.owner() != owner) {
      claim = ClaimOf(wants, holds, shortage);
    } else if (running.asked->priority < candidate.asked->priority) {
      claim = Claim::kTurn;
    }
    if (claim == Claim::kNone) continue;
    if (victim != nullptr && (claim < best || (claim == best && holds.used <= most))) continue;
    victim = &running;
    best = claim;
    most = holds.used;
  }
  return victim;
}

// Sees to it that `candidate` finds a place and memory. False, and nothing happens, if those who
// have to make room do not hold enough.
bool Scheduler::MakeRoom(const Sequence& candidate) {
  Victims victims;
  Shortage shortage = ShortageFor(candidate, victims);
  while (shortage.places > 0 || shortage.blocks > 0) {
    const Sequence* victim = VictimFor(candidate, shortage, victims);
    if (victim == nullptr) return false;
    victims.push_back(victim);
    shortage = ShortageFor(candidate, victims);
  }
  for (const Sequence* victim : victims) {
    Preempt(std::find_if(running_.begin(), running_.end(),
                         [&](const Owned& owned) { return owned.get() == victim; }));
  }
  if (victims.empty()) return true;
  // Blocks that victims share with others are still in use.
  shortage = ShortageFor(candidate, {});
  return shortage.places == 0 && shortage.blocks == 0;
}

}  // namespace tael
