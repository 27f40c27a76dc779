// Products with a weight per attention head, each head on its own part of a row.
#pragma once

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// One weight per head: that of head h is `rows` rows of `all` from first_row + h * step on.
struct HeadWeights {
  Weight all;
  int64_t first_row = 0, rows = 0, step = 0;
  // The rows are the inputs, not the outputs: y[j] = sum_i x[i] * row_i[j]. Gives the same bits as
  // the transposed weight would.
  bool by_columns = false;

  bool empty() const { return all.empty(); }
  int64_t inputs() const { return by_columns ? rows : all.k; }
  int64_t outputs() const { return by_columns ? all.k : rows; }
};

// Rows in which every head has a part: that of head h begins at element h * step.
template <typename T>
struct HeadRows {
  MatrixView<T> rows;
  int64_t step = 0;
};

// y's part of head h = the weight of head `first_head` + h times x's part of head h, for `heads`
// heads. Always in float32 (docs/numerics.md, 3), whatever the weight's type; rows with an adapter
// of `w` get its change.
struct HeadRange {
  int first_head = 0, heads = 0;
};
void HeadMatmul(const HeadWeights& w, const HeadRange& range, const HeadRows<const float>& x,
                const HeadRows<float>& y, ComputeContext& ctx);

}  // namespace tael
