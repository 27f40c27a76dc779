// Products with weights that kernels cannot multiply as they are stored: float32 arithmetic on what
// is decoded on the way.
#pragma once

#include "ops/compute_context.h"
#include "ops/matmul_plan.h"
#include "tensor/weight.h"

namespace tael {

// Few rows times float8: no value is written to memory.
void Float8Matmul(const MatrixView<const float>& x, const Weight& w, const MatmulPlan& plan,
                  MatrixView<float> y, ComputeContext& ctx);

// Decodes a few rows at a time to float32 and multiplies those.
void DecodedMatmul(const MatrixView<const float>& x, const Weight& w, const MatmulPlan& plan,
                   MatrixView<float> y, ComputeContext& ctx);

}  // namespace tael
