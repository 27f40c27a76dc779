#include "engine/fair_places.h"

#include <algorithm>

namespace tael {
namespace {

int ShareOf(int all, double share) { return std::max(1, static_cast<int>(share * all)); }

}  // namespace

Claim ClaimOf(const OwnerUse& wants, const OwnerUse& holds, const Shortage& shortage) {
  // Who has something already waits for the other to be ahead by more than a rounding of turns.
  const double margin = wants.places > 0 ? shortage.margin : 0;
  if (holds.places == 0 || holds.used < wants.used + margin) return Claim::kNone;
  const int places = shortage.all_places, blocks = shortage.all_blocks;
  const bool over_places = shortage.places > 0 && holds.places > ShareOf(places, holds.share) &&
                           (wants.places == 0 || wants.places < ShareOf(places, wants.share));
  const bool over_blocks =
      shortage.blocks > 0 && holds.blocks > ShareOf(blocks, holds.share) &&
      (wants.places == 0 || wants.blocks + shortage.wanted_blocks <= ShareOf(blocks, wants.share));
  if (over_places || over_blocks) return Claim::kShare;
  return wants.places == 0 && holds.used > wants.used ? Claim::kTurn : Claim::kNone;
}

}  // namespace tael
