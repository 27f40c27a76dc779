#include "ops/rms_norm.h"

#include "ops/profile.h"

namespace tael {

void RmsNorm(MatrixView<const float> x, const std::vector<float>& gain, float eps,
             MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kNorm);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(2 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels.rms_norm(x.row(t), gain.data(), eps, gain.size(), out.row(t));
    }
  });
}

void RmsNormHeads(const std::vector<float>& gain, float eps, MatrixView<float> x,
                  ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kNorm);
  const auto head_dim = static_cast<int64_t>(gain.size());
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(2 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (float* head = x.row(t); head < x.row(t) + x.cols; head += head_dim) {
        ctx.kernels.rms_norm(head, gain.data(), eps, gain.size(), head);
      }
    }
  });
}

MatrixView<float> NewMatrix(int64_t rows, int64_t cols, ComputeContext& ctx) {
  return {ctx.arena.Allocate<float>(rows * cols), rows, cols, cols};
}

}  // namespace tael
