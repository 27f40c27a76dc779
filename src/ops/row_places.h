// Where each row of a batch lives: its sequence and its absolute position.
#pragma once

#include "kv/batch.h"
#include "ops/compute_context.h"

namespace tael {

struct RowPlace {
  const BatchSequence* sequence = nullptr;
  int position = 0;
};

// [T], in the arena.
RowPlace* PlaceRows(const Batch& batch, ComputeContext& ctx);

// The length of the longest sequence after this step.
int64_t LongestSequence(const Batch& batch);

}  // namespace tael
