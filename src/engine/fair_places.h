// Who may take places and blocks of whom: the rule of fairness between owners, as a pure function.
#pragma once

namespace tael {

// What an owner uses of the engine.
struct OwnerUse {
  double used = 0;   // tokens it was served, per weight (OwnerAccounts)
  double share = 1;  // its part of everything, 0 to 1
  int places = 0;    // sequences that run
  int blocks = 0;    // of the cache
};

// What there is to share, and what a sequence that wants to run lacks.
struct Shortage {
  int all_places = 0, all_blocks = 0;
  int places = 0;  // that it lacks
  int blocks = 0;
  int wanted_blocks = 0;  // that it would hold
  int margin = 0;         // tokens per weight that count as nothing
};

enum class Claim { kNone, kTurn, kShare };

// Whether the owner `wants`, one of whose sequences waits, may take from `holds` what it lacks.
//   kShare: `holds` has more than its share of what is lacking, and `wants` would not have;
//   kTurn:  `wants` has nothing at all, and `holds` was served more. With more owners than places
//           all of them come to their turn so.
//   kNone:  otherwise, and whenever `wants` was served more than `holds`.
// Everybody's share is at least one place. Both claims cannot be made in a circle: after it was
// served `wants` is no longer below its share, or no longer without anything.
Claim ClaimOf(const OwnerUse& wants, const OwnerUse& holds, const Shortage& shortage);

}  // namespace tael
