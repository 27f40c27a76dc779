// Recurrent state beside the paged cache: a slot per sequence, and slots that keep a state for
// later.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"

namespace tael {

using StateSlot = int32_t;
inline constexpr StateSlot kNoState = -1;

// A slot holds what the layers of one sequence remember of all its positions up to one: float32, of
// fixed size, all layers side by side. It is good for that position only (decision 0023). Slots do
// not know their owners.
class StateCache {
 public:
  // Bytes of `slots` slots. `floats`: of each layer; 0 for a layer without state.
  static int64_t Bytes(const std::vector<int64_t>& floats, int slots);
  // Slots that are good for no position. Memory is reserved, not touched. Throws kExhausted.
  StateCache(const std::vector<int64_t>& floats, int slots);

  // Whether any layer has a state. Without one there are no slots, and nothing below may be called.
  bool empty() const { return slot_floats_ == 0; }
  int slots() const { return static_cast<int>(positions_.size()); }
  // What a layer keeps in a slot, 64-byte aligned. REQUIRES: the layer has a state.
  float* Of(int layer, StateSlot slot);

  // The number of positions whose tokens the slot has seen; kNoPosition: good for nothing.
  static constexpr int kNoPosition = -1;
  int position(StateSlot slot) const { return positions_[static_cast<size_t>(slot)]; }
  void SetPosition(StateSlot slot, int position) {
    positions_[static_cast<size_t>(slot)] = position;
  }
  void Copy(StateSlot from, StateSlot to);  // with its position

  int64_t slot_bytes() const { return slot_floats_ * static_cast<int64_t>(sizeof(float)); }
  int64_t bytes() const { return memory_.size(); }
  std::span<uint8_t> memory() const { return memory_.bytes(); }  // all of it, for populating

 private:
  float* Slot(StateSlot slot);

  std::vector<int64_t> offsets_;  // of each layer in a slot, in floats
  int64_t slot_floats_ = 0;
  std::vector<int> positions_;  // [slots]
  SystemMemory memory_;
};

}  // namespace tael
