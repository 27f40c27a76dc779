// Root mean square normalisation of rows, whole or per head.
#pragma once

#include <vector>

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// out[r] = RmsNorm(x[r]) * gain for each row; gain has x.cols elements. `out` may alias `x`.
void RmsNorm(MatrixView<const float> x, const std::vector<float>& gain, float eps,
             MatrixView<float> out, ComputeContext& ctx);

// Normalises every head of x [T, heads * head_dim] in place; gain has head_dim elements, or x.cols
// to normalise all of them as one.
void RmsNormHeads(const std::vector<float>& gain, float eps, MatrixView<float> x,
                  ComputeContext& ctx);

// A matrix of the arena, not initialised.
MatrixView<float> NewMatrix(int64_t rows, int64_t cols, ComputeContext& ctx);

}  // namespace tael
