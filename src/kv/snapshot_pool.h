// Which slots keep a state for later, and at the end of which published block each stands.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/kv_cache.h"
#include "kv/state_cache.h"

namespace tael {

// Where the state of a prompt of so many tokens is worth keeping, ascending: at the last block
// border before its end, and at the one before if little stands between that and the end, because
// chat templates write another ending in the next turn.
std::vector<int> SnapshotPositions(int prompt_tokens);

// The slots first .. first + count - 1 of a StateCache. A slot is free, reserved by a step that
// writes it, or kept: the state after the last position of a published block. Not thread-safe.
class SnapshotPool {
 public:
  SnapshotPool(StateSlot first, int count);

  // A slot for a step to write: a free one, else the kept one that was used longest ago; kNoState
  // when all are reserved.
  StateSlot Reserve();
  // Makes all reserved slots free that were not kept: their step is over, or failed.
  void DropReserved();
  // Keeps a reserved slot at `block`. Without effect if the block has one.
  void Keep(StateSlot slot, BlockId block);

  // The slot at `block`, or kNoState.
  StateSlot At(BlockId block) const;
  // Counts as use of the slot at `block`.
  void Touch(BlockId block);
  // The block's content is no more: frees its slot, if it has one.
  void Forget(BlockId block);

 private:
  enum class Use { kFree, kReserved, kKept };
  struct Entry {
    Use use = Use::kFree;
    BlockId block = -1;
    uint64_t last_used = 0;
  };
  Entry* Find(BlockId block);

  StateSlot first_;
  std::vector<Entry> entries_;  // few: searched from end to end
  uint64_t clock_ = 0;
};

}  // namespace tael
