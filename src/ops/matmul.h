// Matrix products of activations with weights in any storage format, split over output rows.
#pragma once

#include <optional>
#include <span>

#include "base/function_ref.h"
#include "ops/compute_context.h"
#include "ops/matmul_plan.h"
#include "tensor/weight.h"

namespace tael {

// Activations that several weights multiply (q, k, v; gate, up): quantised to 8 bits at most once
// per block size, rounded to BF16 at most once. Borrows `x` and arena memory; lives within one
// step.
class MatmulInput {
 public:
  MatmulInput(MatrixView<const float> x, ComputeContext& ctx) : x_(x), ctx_(ctx) {}
  // `count` rows of another input, by their numbers, as 8-bit numbers in blocks of `block` alone:
  // for integer products that nothing observes or adapts. REQUIRES: all.Quantized(block) was called
  // before.
  MatmulInput(MatmulInput& all, size_t block, const int32_t* rows, int64_t count,
              ComputeContext& ctx);

  // Of 8-bit numbers alone only the shape.
  const MatrixView<const float>& x() const { return x_; }
  // `block`: 32 or 256 (ActivationBlock of the weight's format).
  const QuantizedRows& Quantized(size_t block);
  // The rows of Quantized() and then as many of what it leaves over, x - scale * q, quantised in
  // the same way.
  const QuantizedRows& WithResidual(size_t block);
  // The second half of WithResidual().
  QuantizedRows Residual(size_t block);
  // The rows in BF16, for weights of that type.
  const Bf16Rows& Rounded();

 private:
  MatrixView<const float> x_;
  ComputeContext& ctx_;
  QuantizedRows quantized_[2], both_[2];  // for blocks of 32 and of 256
  Bf16Rows rounded_;
};

// Rows [first, first + count) of some that are quantised.
QuantizedRows RowsOf(const QuantizedRows& rows, int64_t first, int64_t count);
// The same of rows that are rounded.
Bf16Rows RowsOf(const Bf16Rows& rows, int64_t first, int64_t count);

// How finely the integer path sees the activations.
enum class ActivationTerms {
  kOne,  // 8 bits
  kTwo,  // 8 bits plus the residual in 8 bits: about 16 bits, for twice the integer work
};

// y [M, N] = x [M, K] times w [N, K] transposed, where x is y.rows rows of the input, from
// `first_row` on. REQUIRES: with two terms, all of them.
struct Product {
  MatmulInput& input;
  const Weight& w;
  MatrixView<float> y;
  ActivationTerms terms = ActivationTerms::kOne;
  int64_t first_row = 0;
};

// ctx.matmul and the weight's format say how (docs/numerics.md, 3-5 and 17); rows with an adapter
// of `w` get its change. Never fails: shapes were checked at bind time.
void Matmul(const Product& product, ComputeContext& ctx);
inline void Matmul(MatmulInput& input, const Weight& w, MatrixView<float> y, ComputeContext& ctx,
                   ActivationTerms terms = ActivationTerms::kOne) {
  Matmul({input, w, y, terms}, ctx);
}

// What follows products of equal width: called for columns [begin, end) of the group's results, all
// of which are there. Each column is in one call; on any worker.
using AfterProducts = FunctionRef<void(size_t group, int64_t begin, int64_t end)>;

// The same products in one parallel loop, as far as their forms allow it. With `after`, every
// `group_size` of them are a group. REQUIRES: results do not overlap; group_size divides their
// number.
void MatmulTogether(std::span<const Product> products, ComputeContext& ctx, size_t group_size = 1,
                    std::optional<AfterProducts> after = std::nullopt);

// y[row] += bias for every row; `bias` has y.cols elements, or none.
void AddBias(const std::vector<float>& bias, MatrixView<float> y, ComputeContext& ctx);

}  // namespace tael
