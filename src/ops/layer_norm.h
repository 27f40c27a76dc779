// Layer normalisation: mean subtracted, gain and bias per element.
#pragma once

#include <vector>

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// x [T, N] in place; gain, bias [N]. Order: docs/numerics.md, 11.
void LayerNorm(const std::vector<float>& gain, const std::vector<float>& bias, float eps,
               MatrixView<float> x, ComputeContext& ctx);

}  // namespace tael
