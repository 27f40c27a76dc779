// Causal attention of a ragged batch over the paged cache, and writing into that cache.
#pragma once

#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// Converts k, v [T, Hkv * Dh] to the cache's type and stores them at the batch's positions.
void StoreKeysAndValues(const Batch& batch, int layer, MatrixView<const float> k,
                        MatrixView<const float> v, KvCache& cache, ComputeContext& ctx);

// The attention of one layer.
struct AttentionShape {
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
  int window = 0;  // visible positions including the current one; 0 = all
  float scale = 0;
  const float* sinks = nullptr;  // [H], logits with a value of 0; null for none
};

// q [T, H * Dh] -> out [T, H * Dh]; every row sees its own sequence's positions up to its own.
// Order of operations: docs/numerics.md, 6.
void Attention(const AttentionShape& shape, const Batch& batch, int layer,
               MatrixView<const float> q, KvCache& cache, MatrixView<float> out,
               ComputeContext& ctx);

}  // namespace tael
