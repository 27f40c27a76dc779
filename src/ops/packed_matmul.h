// Integer matrix product with packed matrices that have code blocks.
#pragma once

#include "ops/matmul.h"

namespace tael {

// The product by docs/numerics.md, 5. REQUIRES: plan.source is kCodes.
void PackedIntegerMatmul(const Product& product, const MatmulPlan& plan, ComputeContext& ctx);

}  // namespace tael
