#include "nn/layer.h"

#include "ops/activation.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

void AttentionForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                      MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  std::visit(
      [&](const GqaSpec& gqa) {
        GqaForward(gqa, std::get<GqaWeights>(weights.attention), step, x, out, ctx);
      },
      spec.attention);
}

void FfnForward(const LayerSpec& spec, const LayerWeights& weights, MatrixView<const float> x,
                MatrixView<float> out, ComputeContext& ctx) {
  std::visit(
      [&](const DenseFfnSpec& dense) {
        DenseFfnForward(dense, std::get<DenseFfnWeights>(weights.ffn), x, out, ctx);
      },
      spec.ffn);
}

}  // namespace

void LayerForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                  MatrixView<float> hidden, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> normed = NewMatrix(hidden.rows, hidden.cols, ctx);
  const MatrixView<float> delta = NewMatrix(hidden.rows, hidden.cols, ctx);

  RmsNorm(Const(hidden), weights.input_norm, step.norm_eps, normed, ctx);
  AttentionForward(spec, weights, step, Const(normed), delta, ctx);
  AddInto(Const(delta), hidden, ctx);

  RmsNorm(Const(hidden), weights.post_attention_norm, step.norm_eps, normed, ctx);
  FfnForward(spec, weights, Const(normed), delta, ctx);
  AddInto(Const(delta), hidden, ctx);
  ctx.arena.Release(mark);
}

}  // namespace tael
