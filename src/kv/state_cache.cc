#include "kv/state_cache.h"

#include <algorithm>
#include <new>

#include "base/error.h"

namespace tael {
namespace {

// Layers begin at multiples of 64 bytes.
int64_t Padded(int64_t floats) { return (floats + 15) / 16 * 16; }

int64_t SlotFloats(const std::vector<int64_t>& floats) {
  int64_t sum = 0;
  for (const int64_t layer : floats) sum += Padded(layer);
  return sum;
}

}  // namespace

int64_t StateCache::Bytes(const std::vector<int64_t>& floats, int slots) {
  return SlotFloats(floats) * slots * static_cast<int64_t>(sizeof(float));
}

StateCache::StateCache(const std::vector<int64_t>& floats, int slots) {
  for (const int64_t layer : floats) {
    offsets_.push_back(slot_floats_);
    slot_floats_ += Padded(layer);
  }
  if (empty()) return;
  TAEL_CHECK(slots >= 0);
  positions_.assign(static_cast<size_t>(slots), kNoPosition);
  try {
    memory_ = SystemMemory(slot_bytes() * slots);
  } catch (const std::bad_alloc&) {
    Fail(ErrorCode::kExhausted,
         "the recurrent states of {} sequences need {} bytes, and the system gives no such memory. "
         "Hint: fewer sequences at a time",
         slots, slot_bytes() * slots);
  }
}

float* StateCache::Slot(StateSlot slot) {
  TAEL_DCHECK(slot >= 0 && slot < slots());
  return reinterpret_cast<float*>(memory_.data()) + slot * slot_floats_;
}

float* StateCache::Of(int layer, StateSlot slot) {
  return Slot(slot) + offsets_[static_cast<size_t>(layer)];
}

void StateCache::Copy(StateSlot from, StateSlot to) {
  if (from == to) return;
  std::copy_n(Slot(from), slot_floats_, Slot(to));
  SetPosition(to, position(from));
}

}  // namespace tael
