// Adapters beside the products of ops/head_matmul.h, one small product for each head.
#pragma once

#include "ops/compute_context.h"
#include "ops/head_matmul.h"
#include "tensor/adapter.h"

namespace tael {

// By which adapters know the weights of the heads: their first row.
MatrixKey KeyOf(const HeadWeights& w);

// Changes y, the product of HeadMatmul(), in the rows that have adapters of `w`. The change of head
// h is rows h * n, h * n + 1, ... of B, n the head's values (or, by columns, its inputs), with one
// A for all. The order is that of docs/numerics.md, adapters. REQUIRES: ctx.adapters.
void AdaptHeadProduct(const HeadWeights& w, const HeadRange& range, const HeadRows<const float>& x,
                      const HeadRows<float>& y, ComputeContext& ctx);

}  // namespace tael
