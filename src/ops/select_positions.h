// Choosing the positions a row attends to by the keys of an indexer (arXiv:2512.02556,
// section 2.1).
#pragma once

#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "ops/attention.h"
#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// What the rows of a batch look for.
struct IndexQueries {
  MatrixView<const float> queries;  // [T, num_heads * head_dim]
  MatrixView<const float> weights;  // [T, num_heads]: what each head's fit counts
  int num_heads = 0, head_dim = 0;
  int top_k = 0;  // positions that a row may see
};

// Whether a row of the batch has more than `top_k` positions to choose from.
bool NeedsSelection(const Batch& batch, int top_k);

// The top_k positions of each row whose cached index keys fit best, of equal ones the first; rows
// with no more than top_k positions see all of theirs. REQUIRES: the index keys of the batch are
// stored. Order: docs/numerics.md, 11.
Selection SelectPositions(const IndexQueries& index, const Batch& batch, int layer, KvCache& cache,
                          ComputeContext& ctx);

// The same for one row: sets the bits of the `top_k` largest of scores [n] in `bits`
// [(n + 63) / 64]; `scratch` [n]. A NaN counts as the largest. REQUIRES: 0 < top_k <= n.
void SelectLargest(const float* scores, int64_t n, int64_t top_k, float* scratch, uint64_t* bits);

}  // namespace tael
