#include "nn/layer.h"

#include "ops/profile.h"
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

void Attend(const CompressedSpec& spec, const AttentionWeights& weights, const AttentionStep& step,
            MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  CompressedForward(spec, std::get<CompressedWeights>(weights), step, x, out, ctx);
}

void AttentionForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                      MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kProjection);
  std::visit([&](const auto& part) { Attend(part, weights.attention, step, x, out, ctx); },
             spec.attention);
}

void Apply(const DenseFfnSpec& spec, const FfnWeights& weights, const Batch&,
           MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  DenseFfnForward(spec, std::get<DenseFfnWeights>(weights), x, out, ctx);
}

void Apply(const MoeFfnSpec& spec, const FfnWeights& weights, const Batch& batch,
           MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  MoeFfnForward(spec, std::get<MoeFfnWeights>(weights), x, batch.tokens, out, ctx);
}

void FfnForward(const LayerSpec& spec, const LayerWeights& weights, const Batch& batch,
                MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kFfn);
  std::visit([&](const auto& ffn) { Apply(ffn, weights.ffn, batch, x, out, ctx); }, spec.ffn);
}

}  // namespace

void LayerForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                  MatrixView<float> hidden, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const int64_t width = hidden.cols / step.residual.streams;
  const MatrixView<float> normed = NewMatrix(hidden.rows, width, ctx);
  const MatrixView<float> delta = NewMatrix(hidden.rows, width, ctx);

  const auto input = [&](const Residual& residual, const std::vector<float>& gain) {
    if (spec.norms == NormPlacement::kAfter) return residual.Input();
    RmsNorm(residual.Input(), gain, step.norm_eps, normed, ctx);
    return Const(normed);
  };
  const auto add_output = [&](Residual& residual, const std::vector<float>& gain) {
    if (spec.norms != NormPlacement::kBefore) {
      RmsNorm(Const(delta), gain, step.norm_eps, delta, ctx);
    }
    residual.Add(Const(delta));
  };
  const auto around = [&](const StreamWeights& streams) {
    return Residual(step.residual, streams, step.norm_eps, hidden, ctx);
  };
  Residual attention = around(weights.attention_streams);
  AttentionForward(spec, weights, step, input(attention, weights.input_norm), delta, ctx);
  add_output(attention, weights.attention_output_norm);
  Residual ffn = around(weights.ffn_streams);
  FfnForward(spec, weights, step.batch, input(ffn, weights.post_attention_norm), delta, ctx);
  add_output(ffn, weights.ffn_output_norm);
  ctx.arena.Release(mark);
}

}  // namespace tael
