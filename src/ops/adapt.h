// Adapters (LoRA) beside the products of a step: the rows of each sequence get its own adapters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/compute_context.h"
#include "tensor/adapter.h"
#include "tensor/weight.h"

namespace tael {

class MatmulInput;

// Which adapters the rows at hand have. Rows of one list need not lie together.
struct AdapterRows {
  std::vector<std::vector<AdapterUse>> lists;  // distinct ones
  std::vector<std::vector<int32_t>> rows;      // per list, ascending
};

// For its lifetime, ctx.adapters describes other rows; nothing happens where no row is adapted.
class AdapterScope {
 public:
  // The rows of a whole step.
  AdapterScope(ComputeContext& ctx, AdapterRows rows);
  // Rows picked out of those at hand: row i is what row picked[i] was. With `picked` null (memory
  // is being planned), any list may have all `count` rows.
  AdapterScope(ComputeContext& ctx, const int32_t* picked, int64_t count);
  ~AdapterScope() { ctx_.adapters = outer_; }
  AdapterScope(const AdapterScope&) = delete;
  AdapterScope& operator=(const AdapterScope&) = delete;

 private:
  ComputeContext& ctx_;
  const AdapterRows* outer_;
  AdapterRows rows_;
};

// Changes y = x W^T in the rows that have adapters of `w`, in the order of docs/numerics.md,
// adapters. REQUIRES: ctx.adapters.
void AdaptProduct(const MatrixView<const float>& x, const Weight& w, MatrixView<float> y,
                  ComputeContext& ctx);

// The same for rows out[t] of an embedding table that tokens[t] looked up, times `scale`.
void AdaptEmbedding(const std::vector<int32_t>& tokens, float scale, MatrixView<float> out,
                    ComputeContext& ctx);

}  // namespace tael
