// Products with a weight per attention head, each head on its own part of a row.
#pragma once

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// One weight per head, all of one shape and type.
struct HeadWeights {
  Weight first;          // [n, k], that of head 0
  int64_t distance = 0;  // bytes from one head's weight to the next one's
  // The rows of `first` are the inputs, not the outputs: y[j] = sum_i x[i] * first[i][j]. Gives the
  // same bits as the transposed weight would.
  bool by_columns = false;

  bool empty() const { return first.empty(); }
  int64_t inputs() const { return by_columns ? first.n : first.k; }
  int64_t outputs() const { return by_columns ? first.k : first.n; }
};

// Rows in which every head has a part: that of head h begins at element h * step.
template <typename T>
struct HeadRows {
  MatrixView<T> rows;
  int64_t step = 0;
};

// y's part of head h = the weight of head `first_head` + h times x's part of head h, for `heads`
// heads. Always in float32 (docs/numerics.md, 3), whatever the weight's type.
struct HeadRange {
  int first_head = 0, heads = 0;
};
void HeadMatmul(const HeadWeights& w, const HeadRange& range, const HeadRows<const float>& x,
                const HeadRows<float>& y, ComputeContext& ctx);

}  // namespace tael
