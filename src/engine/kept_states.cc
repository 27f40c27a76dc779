#include "engine/kept_states.h"

#include "base/error.h"

namespace tael {

KeptStates::KeptStates(StateSlot first, int count) {
  for (int i = count - 1; i >= 0; --i) free_.push_back(first + i);
}

StateSlot KeptStates::Add(int position, bool passing) {
  TAEL_CHECK(kept_.empty() || kept_.back().position < position);
  if (passing && passing_ && !kept_.empty()) DropBeyond(kept_.back().position - 1);
  passing_ = passing;
  if (free_.empty()) {
    if (kept_.empty()) return kNoState;
    // A gap from `left` to `right` costs up to right - left positions, for a cut that far back.
    size_t least = 0;
    double smallest = 2;
    for (size_t i = 0; i < kept_.size(); ++i) {
      const int left = i > 0 ? kept_[i - 1].position : 0;
      const int right = i + 1 < kept_.size() ? kept_[i + 1].position : position;
      const double gap = static_cast<double>(right - left) / (position - left);
      if (gap < smallest) {
        smallest = gap;
        least = i;
      }
    }
    free_.push_back(kept_[least].slot);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(least));
  }
  kept_.push_back({position, free_.back()});
  free_.pop_back();
  return kept_.back().slot;
}

std::optional<StateSnapshot> KeptStates::Last() const {
  if (kept_.empty()) return std::nullopt;
  return kept_.back();
}

void KeptStates::DropBeyond(int length) {
  while (!kept_.empty() && kept_.back().position > length) {
    free_.push_back(kept_.back().slot);
    kept_.pop_back();
    passing_ = false;
  }
}

}  // namespace tael
