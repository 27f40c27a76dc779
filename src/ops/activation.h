// Elementwise operations on whole matrices.
#pragma once

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// gate = silu(gate) * up, elementwise.
void SiluMultiply(MatrixView<const float> up, MatrixView<float> gate, ComputeContext& ctx);

// y += x, elementwise.
void AddInto(MatrixView<const float> x, MatrixView<float> y, ComputeContext& ctx);

// x[i] = x[i] / (1 + exp(-gate[i])), both [T, N].
void SigmoidMultiply(MatrixView<const float> gate, MatrixView<float> x, ComputeContext& ctx);

}  // namespace tael
