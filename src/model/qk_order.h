// The order of the rows of q and k: Hugging Face stores the halves of a head that rope rotates
// against each other one after the other, GGUF files of some architectures interleave them.
#pragma once

#include <cstdint>

#include "checkpoint/open.h"

namespace tael {

// Whether a checkpoint's q and k are interleaved.
bool HasInterleavedQk(const Checkpoint& checkpoint);

// Where the row `row` of an interleaved matrix is in Hugging Face's order. REQUIRES: head_dim is
// even.
inline int64_t HalvesRowOf(int64_t row, int64_t head_dim) {
  const int64_t head = row / head_dim, i = row % head_dim;
  return head * head_dim + (i % 2) * (head_dim / 2) + i / 2;
}

// The other way round.
inline int64_t InterleavedRowOf(int64_t row, int64_t head_dim) {
  const int64_t head = row / head_dim, i = row % head_dim, half = head_dim / 2;
  return head * head_dim + (i % half) * 2 + i / half;
}

}  // namespace tael
