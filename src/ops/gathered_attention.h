// Attention of each row over cache rows of its own choice, which are keys and values at once.
#pragma once

#include <cstdint>
#include <functional>

#include "ops/compute_context.h"
#include "quant/dtype.h"
#include "tensor/weight.h"

namespace tael {

struct GatheredShape {
  int num_heads = 0, head_dim = 0;
  float scale = 0;
  const float* sinks = nullptr;  // [H]; null for none
  int64_t longest = 0;           // rows that the longest list names
  DType dtype = DType::kF32;     // of the cache
};

// Writes to `rows` the addresses of the cache rows [head_dim] that row `t` sees, in the order in
// which the softmax takes them, and returns their number: 1 to `longest`. Called by many threads.
using ListRows = std::function<int64_t(int64_t t, const uint8_t** rows)>;

// q [T, H * Dh] -> out [T, H * Dh]. The order is that of docs/numerics.md, 6, for a sequence that
// consists of the listed rows.
void GatheredAttention(const GatheredShape& shape, const ListRows& list, MatrixView<const float> q,
                       MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
