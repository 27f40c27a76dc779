// One step's ragged input: tokens of several sequences, each with its positions and cache blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/kv_cache.h"
#include "kv/state_cache.h"
#include "tensor/adapter.h"

namespace tael {

// A state that a step leaves behind in passing: what the sequence remembers of its first `position`
// positions.
struct StateSnapshot {
  int position = 0;
  StateSlot slot = kNoState;
};

// A sequence's part of the batch: `count` consecutive tokens that start at absolute position
// `begin`.
struct BatchSequence {
  int first_row = 0;  // index of its first token in Batch::tokens
  int count = 0;
  int begin = 0;                // absolute position of the first token
  std::vector<BlockId> blocks;  // block of positions 0-63, 64-127, ...; covers begin + count
  std::vector<AdapterUse> adapters = {};  // of all its rows; empty: the model as it is
  // Of models with a recurrent state: the slot that holds it for position `begin` (if that is 0,
  // the sequence starts from zeros, whatever the slot holds) and for begin + count after the step.
  StateSlot state = kNoState;
  // Distinct slots; begin < position <= begin + count.
  std::vector<StateSnapshot> snapshots = {};
};

// Prefill chunks and decode rows look alike: the model sees tokens, positions and blocks only.
struct Batch {
  std::vector<int32_t> tokens;     // [T]
  std::vector<int32_t> positions;  // [T]
  std::vector<BatchSequence> sequences;
  std::vector<int32_t> logit_rows;  // rows of `tokens` whose logits are wanted, ascending
  // Rows whose hidden states behind the final norm are wanted, ascending.
  std::vector<int32_t> hidden_rows = {};
};

}  // namespace tael
