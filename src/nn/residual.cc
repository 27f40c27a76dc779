#include "nn/residual.h"

#include <algorithm>

#include "ops/activation.h"
#include "ops/matmul.h"
#include "ops/profile.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

// products [T, mix.n] = mix . (hidden / rms(hidden)), always in float32.
MatrixView<float> MixProducts(const StreamWeights& weights, float norm_eps,
                              MatrixView<const float> hidden, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kNorm);
  const MatrixView<float> products = NewMatrix(hidden.rows, weights.mix.n, ctx);
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> normed = NewMatrix(hidden.rows, hidden.cols, ctx);
  float* ones = ctx.arena.Allocate<float>(hidden.cols);
  ctx.pool.ParallelFor(1, 1, [&](int64_t, int64_t) { std::fill_n(ones, hidden.cols, 1.0f); });
  ctx.pool.ParallelFor(hidden.rows, ctx.GrainFor(2 * hidden.cols), [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      ctx.kernels.rms_norm(hidden.row(t), ones, norm_eps, static_cast<size_t>(hidden.cols),
                           normed.row(t));
    }
  });
  ComputeContext exact = ctx;
  exact.matmul = MatmulMode::kFloat;
  MatmulInput input(Const(normed), exact);
  Matmul(input, weights.mix, products, exact);
  ctx.arena.Release(mark);
  return products;
}

// m[i] = 1 / (1 + exp(-(m[i] * scale + base[i])))
void Gates(const KernelTable& kernels, float scale, const float* base, int n, float* m) {
  for (int i = 0; i < n; ++i) m[i] = -(m[i] * scale + base[i]);
  kernels.exp(m, static_cast<size_t>(n), m);
  for (int i = 0; i < n; ++i) m[i] = 1.0f / (1.0f + m[i]);
}

void DivideColumns(int n, float eps, float* m) {
  for (int k = 0; k < n; ++k) {
    float sum = 0.0f;
    for (int j = 0; j < n; ++j) sum += m[j * n + k];
    for (int j = 0; j < n; ++j) m[j * n + k] /= sum + eps;
  }
}

void DivideRows(int n, float eps, float* m) {
  for (int j = 0; j < n; ++j) {
    float sum = 0.0f;
    for (int k = 0; k < n; ++k) sum += m[j * n + k];
    for (int k = 0; k < n; ++k) m[j * n + k] /= sum + eps;
  }
}

// m [n, n] becomes a matrix whose rows and columns nearly sum to 1 (Sinkhorn & Knopp 1967).
void Balance(const ResidualSpec& spec, const KernelTable& kernels, float scale, const float* base,
             float* m) {
  const int n = spec.streams;
  for (int i = 0; i < n * n; ++i) m[i] = m[i] * scale + base[i];
  for (int j = 0; j < n; ++j) {
    float* row = m + j * n;
    const float sum = kernels.softmax_numerators(row, static_cast<size_t>(n));
    for (int k = 0; k < n; ++k) row[k] = row[k] / sum + spec.eps;
  }
  DivideColumns(n, spec.eps, m);
  for (int step = 1; step < spec.balancing_steps; ++step) {
    DivideRows(n, spec.eps, m);
    DivideColumns(n, spec.eps, m);
  }
}

// out [D] = sum over streams of gate_j * stream_j, ascending, starting at +0.
void SumStreams(const float* gates, int streams, const float* row, int64_t width, float* out) {
  std::fill_n(out, width, 0.0f);
  for (int j = 0; j < streams; ++j) {
    const float* stream = row + j * width;
    for (int64_t d = 0; d < width; ++d) out[d] += gates[j] * stream[d];
  }
}

}  // namespace

Residual::Residual(const ResidualSpec& spec, const StreamWeights& weights, float norm_eps,
                   MatrixView<float> hidden, ComputeContext& ctx)
    : spec_(spec), hidden_(hidden), input_(Const(hidden)), ctx_(ctx) {
  if (spec.streams == 1) return;
  const OpScope scope(ctx.profile, OpKind::kNorm);
  const int n = spec.streams;
  const int64_t width = hidden.cols / n;
  mix_ = MixProducts(weights, norm_eps, Const(hidden), ctx);
  const MatrixView<float> input = NewMatrix(hidden.rows, width, ctx);
  const float *scale = weights.scale.data(), *base = weights.base.data();
  ctx.pool.ParallelFor(hidden.rows, ctx.GrainFor(2 * hidden.cols), [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      float *pre = mix_.row(t), *post = pre + n, *mixing = post + n;
      Gates(ctx.kernels, scale[0], base, n, pre);
      for (int j = 0; j < n; ++j) pre[j] += spec_.eps;
      Gates(ctx.kernels, scale[1], base + n, n, post);
      for (int j = 0; j < n; ++j) post[j] *= 2.0f;
      Balance(spec_, ctx.kernels, scale[2], base + 2 * n, mixing);
      SumStreams(pre, n, hidden_.row(t), width, input.row(t));
    }
  });
  input_ = Const(input);
}

void Residual::Add(MatrixView<const float> result) {
  if (spec_.streams == 1) {
    AddInto(result, hidden_, ctx_);
    return;
  }
  const OpScope scope(ctx_.profile, OpKind::kNorm);
  const int n = spec_.streams;
  const int64_t width = result.cols;
  const Arena::Position mark = ctx_.arena.Mark();
  const MatrixView<float> mixed = NewMatrix(hidden_.rows, hidden_.cols, ctx_);
  ctx_.pool.ParallelFor(hidden_.rows, ctx_.GrainFor(n * hidden_.cols), [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      const float *post = mix_.row(t) + n, *mixing = post + n;
      for (int k = 0; k < n; ++k) {
        float* to = mixed.row(t) + k * width;
        for (int64_t d = 0; d < width; ++d) to[d] = post[k] * result.row(t)[d];
        for (int j = 0; j < n; ++j) {
          const float* from = hidden_.row(t) + j * width;
          for (int64_t d = 0; d < width; ++d) to[d] += mixing[j * n + k] * from[d];
        }
      }
      std::copy_n(mixed.row(t), hidden_.cols, hidden_.row(t));
    }
  });
  ctx_.arena.Release(mark);
}

MatrixView<float> SpreadOverStreams(const ResidualSpec& spec, MatrixView<float> rows,
                                    ComputeContext& ctx) {
  if (spec.streams == 1) return rows;
  const MatrixView<float> hidden = NewMatrix(rows.rows, rows.cols * spec.streams, ctx);
  ctx.pool.ParallelFor(rows.rows, ctx.GrainFor(hidden.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int j = 0; j < spec.streams; ++j) {
        std::copy_n(rows.row(t), rows.cols, hidden.row(t) + j * rows.cols);
      }
    }
  });
  return hidden;
}

MatrixView<float> JoinStreams(const ResidualSpec& spec, const StreamWeights& weights,
                              float norm_eps, MatrixView<float> hidden, ComputeContext& ctx) {
  if (spec.streams == 1) return hidden;
  const OpScope scope(ctx.profile, OpKind::kNorm);
  const int n = spec.streams;
  const MatrixView<float> out = NewMatrix(hidden.rows, hidden.cols / n, ctx);
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> gates = MixProducts(weights, norm_eps, Const(hidden), ctx);
  ctx.pool.ParallelFor(hidden.rows, ctx.GrainFor(hidden.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Gates(ctx.kernels, weights.scale[0], weights.base.data(), n, gates.row(t));
      for (int j = 0; j < n; ++j) gates.row(t)[j] += spec.eps;
      SumStreams(gates.row(t), n, hidden.row(t), out.cols, out.row(t));
    }
  });
  ctx.arena.Release(mark);
  return out;
}

}  // namespace tael
