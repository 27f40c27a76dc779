#include "ops/layer_norm.h"

#include "ops/profile.h"

#include <cmath>

namespace tael {
namespace {

constexpr size_t kLanes = 16;

// numerics.md, 2: the tree that ends every lane sum.
float AddLanes(float (&lanes)[kLanes]) {
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t j = 0; j < width; ++j) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

void NormalizeRow(const std::vector<float>& gain, const std::vector<float>& bias, float eps,
                  float* x) {
  const size_t n = gain.size();
  const auto count = static_cast<float>(n);
  float sums[kLanes] = {}, squares[kLanes] = {};
  for (size_t i = 0; i < n; ++i) sums[i % kLanes] += x[i];
  const float mean = AddLanes(sums) / count;
  for (size_t i = 0; i < n; ++i) {
    x[i] -= mean;
    squares[i % kLanes] += x[i] * x[i];
  }
  const float scale = 1.0f / std::sqrt(AddLanes(squares) / count + eps);
  for (size_t i = 0; i < n; ++i) x[i] = gain[i] * (x[i] * scale) + bias[i];
}

}  // namespace

void LayerNorm(const std::vector<float>& gain, const std::vector<float>& bias, float eps,
               MatrixView<float> x, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kNorm);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(4 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) NormalizeRow(gain, bias, eps, x.row(t));
  });
}

}  // namespace tael
