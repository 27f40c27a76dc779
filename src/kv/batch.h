// One step's ragged input: tokens of several sequences, each with its positions and cache blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/kv_cache.h"

namespace tael {

// A sequence's part of the batch: `count` consecutive tokens that start at absolute position
// `begin`.
struct BatchSequence {
  int first_row = 0;  // index of its first token in Batch::tokens
  int count = 0;
  int begin = 0;                // absolute position of the first token
  std::vector<BlockId> blocks;  // block of positions 0-63, 64-127, ...; covers begin + count
};

// Prefill chunks and decode rows look alike: the model sees tokens, positions and blocks only.
struct Batch {
  std::vector<int32_t> tokens;     // [T]
  std::vector<int32_t> positions;  // [T]
  std::vector<BatchSequence> sequences;
  std::vector<int32_t> logit_rows;  // rows of `tokens` whose logits are wanted, ascending
};

}  // namespace tael
