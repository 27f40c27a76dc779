// The states a session keeps to return to: few, near ones denser than far ones.
#pragma once

#include <optional>
#include <vector>

#include "kv/batch.h"

namespace tael {

// Positions and the slots of a StateCache that hold their states: first .. first + count - 1.
class KeptStates {
 public:
  KeptStates(StateSlot first, int count);

  // A slot for the state at `position`. One that is `passing` takes the place of the last one if
  // that was passing too, until Stay(). kNoState when there are none at all. If all are used, the
  // one is given up whose loss leaves the smallest gap in proportion to its distance from
  // `position`: never the last one. REQUIRES: beyond Last().
  StateSlot Add(int position, bool passing = false);
  // The last one is not passing any more.
  void Stay() { passing_ = false; }
  // The one with the largest position.
  std::optional<StateSnapshot> Last() const;
  // Forgets those after position `length`.
  void DropBeyond(int length);

  const std::vector<StateSnapshot>& all() const { return kept_; }  // ascending

 private:
  std::vector<StateSnapshot> kept_;
  std::vector<StateSlot> free_;
  bool passing_ = false;  // the last one is
};

}  // namespace tael
