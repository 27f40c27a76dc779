// Integer matrix product with packed matrices that have code blocks.
#pragma once

#include "ops/matmul.h"

namespace tael {

// y = x times w transposed by docs/numerics.md, 5. REQUIRES: plan.source is kCodes.
void PackedIntegerMatmul(MatmulInput& input, const Weight& w, const MatmulPlan& plan,
                         MatrixView<float> y, ComputeContext& ctx, ActivationTerms terms);

}  // namespace tael
