// Looking up rows of the embedding matrix.
#pragma once

#include <vector>

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// out[t] = row tokens[t] of `table`, decoded to float32, times `scale`; rows with an
// adapter of the embedding get its change. REQUIRES: ids inside the table.
void EmbeddingLookup(const Weight& table, const std::vector<int32_t>& tokens, float scale,
                     MatrixView<float> out, ComputeContext& ctx);

// Copies the rows `rows` of x, in that order.
MatrixView<float> GatherRows(MatrixView<const float> x, const std::vector<int32_t>& rows,
                             ComputeContext& ctx);

}  // namespace tael
