// Causal attention of a ragged batch over the paged cache, and writing into that cache.
#pragma once

#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// Converts k [T, Hkv * Dh] and v [T, Hkv * Dv], Dv <= Dh, to the cache's type and stores them at
// the batch's positions.
void StoreKeysAndValues(const Batch& batch, int layer, MatrixView<const float> k,
                        MatrixView<const float> v, KvCache& cache, ComputeContext& ctx);

// The same for rows [T, head_dim] of a layer whose values are parts of its keys.
void StoreLatents(const Batch& batch, int layer, MatrixView<const float> latents, KvCache& cache,
                  ComputeContext& ctx);

// The same for index keys [T, index_dim].
void StoreIndexKeys(const Batch& batch, int layer, MatrixView<const float> keys, KvCache& cache,
                    ComputeContext& ctx);

// Positions that rows may see, for all heads alike. Arena memory.
struct Selection {
  uint64_t* bits = nullptr;  // [T, blocks]: bit j of word b is position 64 b + j
  int64_t blocks = 0;
  uint8_t* limited = nullptr;  // [T]; 0: the row sees all positions up to its own
};

// The attention of one layer.
struct AttentionShape {
  int num_heads = 0, num_kv_heads = 0;
  int head_dim = 0, value_dim = 0;  // Dh of queries and keys, Dv of values; value_dim <= head_dim
  int window = 0;                   // visible positions including the current one; 0 = all
  float scale = 0;
  const float* sinks = nullptr;          // [H], logits with a value of 0; null for none
  const Selection* selection = nullptr;  // null: all positions
};

// q [T, H * Dh] -> out [T, H * Dv]; every row sees its own sequence's positions up to its own.
// Order of operations: docs/numerics.md, 6.
void Attention(const AttentionShape& shape, const Batch& batch, int layer,
               MatrixView<const float> q, KvCache& cache, MatrixView<float> out,
               ComputeContext& ctx);

}  // namespace tael
