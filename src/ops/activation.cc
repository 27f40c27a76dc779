#include "ops/activation.h"

#include "ops/profile.h"

namespace tael {

void SiluMultiply(MatrixView<const float> up, MatrixView<float> gate, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kElementwise);
  ctx.pool.ParallelFor(gate.rows, ctx.GrainFor(4 * gate.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels.silu_multiply(gate.row(t), up.row(t), static_cast<size_t>(gate.cols),
                                gate.row(t));
    }
  });
}

void SigmoidMultiply(MatrixView<const float> gate, MatrixView<float> x, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kElementwise);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(4 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels.sigmoid_multiply(gate.row(t), x.row(t), static_cast<size_t>(x.cols), x.row(t));
    }
  });
}

void AddInto(MatrixView<const float> x, MatrixView<float> y, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kElementwise);
  ctx.pool.ParallelFor(y.rows, ctx.GrainFor(y.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels.add(x.row(t), static_cast<size_t>(y.cols), y.row(t));
    }
  });
}

}  // namespace tael
