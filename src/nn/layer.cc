#include "nn/layer.h"

#include "ops/activation.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

// One overload per alternative of AttentionSpec and FfnSpec.
void Attend(const GqaSpec& spec, const AttentionWeights& weights, const AttentionStep& step,
            MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  GqaForward(spec, std::get<GqaWeights>(weights), step, x, out, ctx);
}

void Attend(const MlaSpec& spec, const AttentionWeights& weights, const AttentionStep& step,
            MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  MlaForward(spec, std::get<MlaWeights>(weights), step, x, out, ctx);
}

void Attend(const GatedDeltaNetSpec& spec, const AttentionWeights& weights,
            const AttentionStep& step, MatrixView<const float> x, MatrixView<float> out,
            ComputeContext& ctx) {
  GatedDeltaNetForward(spec, std::get<GatedDeltaNetWeights>(weights), step, x, out, ctx);
}

void AttentionForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                      MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  std::visit([&](const auto& part) { Attend(part, weights.attention, step, x, out, ctx); },
             spec.attention);
}

void Apply(const DenseFfnSpec& spec, const FfnWeights& weights, MatrixView<const float> x,
           MatrixView<float> out, ComputeContext& ctx) {
  DenseFfnForward(spec, std::get<DenseFfnWeights>(weights), x, out, ctx);
}

void Apply(const MoeFfnSpec& spec, const FfnWeights& weights, MatrixView<const float> x,
           MatrixView<float> out, ComputeContext& ctx) {
  MoeFfnForward(spec, std::get<MoeFfnWeights>(weights), x, out, ctx);
}

void FfnForward(const LayerSpec& spec, const LayerWeights& weights, MatrixView<const float> x,
                MatrixView<float> out, ComputeContext& ctx) {
  std::visit([&](const auto& ffn) { Apply(ffn, weights.ffn, x, out, ctx); }, spec.ffn);
}

}  // namespace

void LayerForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                  MatrixView<float> hidden, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> normed = NewMatrix(hidden.rows, hidden.cols, ctx);
  const MatrixView<float> delta = NewMatrix(hidden.rows, hidden.cols, ctx);

  const auto input = [&](const std::vector<float>& gain) {
    if (spec.norms == NormPlacement::kAfter) return Const(hidden);
    RmsNorm(Const(hidden), gain, step.norm_eps, normed, ctx);
    return Const(normed);
  };
  const auto add_output = [&](const std::vector<float>& gain) {
    if (spec.norms != NormPlacement::kBefore) {
      RmsNorm(Const(delta), gain, step.norm_eps, delta, ctx);
    }
    AddInto(Const(delta), hidden, ctx);
  };
  AttentionForward(spec, weights, step, input(weights.input_norm), delta, ctx);
  add_output(weights.attention_output_norm);
  FfnForward(spec, weights, input(weights.post_attention_norm), delta, ctx);
  add_output(weights.ffn_output_norm);
  ctx.arena.Release(mark);
}

}  // namespace tael
