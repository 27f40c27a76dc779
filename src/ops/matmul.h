// Matrix product of activations with a weight in any storage format, split over output rows.
#pragma once

#include "ops/compute_context.h"
#include "ops/matmul_plan.h"
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
  // What Quantized() leaves over, x - scale * q, quantised in the same way.
  const QuantizedRows& Residual(size_t block);

 private:
  QuantizedRows Quantize(const MatrixView<const float>& x, size_t block);

  MatrixView<const float> x_;
  ComputeContext& ctx_;
  QuantizedRows quantized_[2], residual_[2];  // for blocks of 32 and of 256
};

// How finely the integer path sees the activations.
enum class ActivationTerms {
  kOne,  // 8 bits
  kTwo,  // 8 bits plus the residual in 8 bits: about 16 bits, for twice the integer work
};

// y [M, N] = x [M, K] times w [N, K] transposed. Formats with an integer form use 8-bit activations
// if ctx.integer_matmul, all others float32 (docs/numerics.md, 3-5); rows
// with an adapter of `w` get its change. Never fails: shapes were checked at bind time.
void Matmul(MatmulInput& input, const Weight& w, MatrixView<float> y, ComputeContext& ctx,
            ActivationTerms terms = ActivationTerms::kOne);

// y[row] += bias for every row; `bias` has y.cols elements, or none.
void AddBias(const std::vector<float>& bias, MatrixView<float> y, ComputeContext& ctx);

}  // namespace tael
