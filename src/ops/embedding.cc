#include "ops/embedding.h"

#include <algorithm>

#include "ops/adapt.h"
#include "ops/decode_rows.h"
#include "ops/interleaved_weights.h"
#include "ops/profile.h"
#include "ops/rms_norm.h"

namespace tael {

namespace {

// One row in float32. A table that is the head too may have its rows interleaved.
void LookUp(const Weight& table, int64_t token, float* out, ComputeContext& ctx) {
  if (ctx.interleaved == nullptr || ctx.interleaved->Find(table) == nullptr) {
    return DecodeRows(table, token, 1, ctx.kernels, out);
  }
  std::vector<uint8_t> copy(static_cast<size_t>(table.row_bytes));
  DecodeRow(table.dtype, ctx.interleaved->Row(table, token, copy.data()), table.k, out);
}

}  // namespace

void EmbeddingLookup(const Weight& table, const std::vector<int32_t>& tokens, float scale,
                     MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kEmbedding);
  ctx.pool.ParallelFor(out.rows, ctx.GrainFor(out.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      LookUp(table, tokens[static_cast<size_t>(t)], out.row(t), ctx);
      if (scale == 1.0f) continue;  // would change no bit
      for (int64_t i = 0; i < out.cols; ++i) out.row(t)[i] *= scale;
    }
  });
  if (ctx.adapters != nullptr) AdaptEmbedding(tokens, scale, out, ctx);
}

MatrixView<float> GatherRows(MatrixView<const float> x, const std::vector<int32_t>& rows,
                             ComputeContext& ctx) {
  MatrixView<float> out = NewMatrix(static_cast<int64_t>(rows.size()), x.cols, ctx);
  ctx.pool.ParallelFor(out.rows, ctx.GrainFor(out.cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      std::copy_n(x.row(rows[static_cast<size_t>(r)]), x.cols, out.row(r));
    }
  });
  return out;
}

}  // namespace tael
