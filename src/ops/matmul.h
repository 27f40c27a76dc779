// Matrix product of activations with a weight in any storage format, split over output rows.
#pragma once

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// Activations that several weights multiply (q, k, v; gate, up): quantised to 8 bits at most once
// per block size. Borrows `x` and arena memory; lives within one step.
class MatmulInput {
 public:
  MatmulInput(MatrixView<const float> x, ComputeContext& ctx) : x_(x), ctx_(ctx) {}

  const MatrixView<const float>& x() const { return x_; }
  // `block`: 32 or 256 (ActivationBlock of the weight's format).
  const QuantizedRows& Quantized(size_t block);

 private:
  MatrixView<const float> x_;
  ComputeContext& ctx_;
  QuantizedRows by_32_, by_256_;
};

// y [M, N] = x [M, K] times w [N, K] transposed. Formats with an integer form use 8-bit activations if
// ctx.integer_matmul, all others float32 (docs/numerics.md, 3-5). Never fails: shapes were checked at
// bind time.
void Matmul(MatmulInput& input, const Weight& w, MatrixView<float> y, ComputeContext& ctx);

// y[row] += bias for every row; `bias` has y.cols elements, or none.
void AddBias(const std::vector<float>& bias, MatrixView<float> y, ComputeContext& ctx);

}  // namespace tael
