#include "nn/attention_gqa.h"

#include <algorithm>

#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {

namespace {

void NormQueriesAndKeys(const GqaWeights& weights, float eps, MatrixView<float> q,
                        MatrixView<float> k, ComputeContext& ctx) {
  RmsNormHeads(weights.q_norm, eps, q, ctx);
  RmsNormHeads(weights.k_norm, eps, k, ctx);
}

void RotateQueriesAndKeys(const GqaSpec& spec, const RopeFrequencies& rope,
                          const AttentionStep& step, MatrixView<float> q, MatrixView<float> k,
                          ComputeContext& ctx) {
  if (spec.rope.pairing == RopePairing::kNone) return;
  const RopeTables tables = RopeTablesOf(rope, step, ctx);
  ApplyRope(rope, tables, spec.head_dim, q, ctx);
  ApplyRope(rope, tables, spec.head_dim, k, ctx);
}

// Queries and gates of the heads out of rows that have both, head by head.
void Separate(const GqaSpec& spec, const MatrixView<float>& both, const MatrixView<float>& q,
              const MatrixView<float>& gate, ComputeContext& ctx) {
  ctx.pool.ParallelFor(q.rows, ctx.GrainFor(both.cols), [&](int64_t begin, int64_t end) {
    const int64_t n = spec.head_dim;
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t h = 0; h < spec.num_heads; ++h) {
        const float* head = both.row(t) + 2 * h * n;
        std::copy_n(head, n, q.row(t) + h * n);
        std::copy_n(head + n, n, gate.row(t) + h * n);
      }
    }
  });
}

}  // namespace

RopeTables RopeTablesOf(const RopeFrequencies& rope, const AttentionStep& step,
                        ComputeContext& ctx) {
  const RopeTables* made = step.rope_tables == nullptr ? nullptr : step.rope_tables->Find(rope);
  return made != nullptr ? *made : MakeRopeTables(rope, step.batch.positions, ctx);
}

void GqaForward(const GqaSpec& spec, const GqaWeights& weights, const AttentionStep& step,
                MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const int64_t q_width = int64_t{spec.num_heads} * spec.head_dim;
  const int64_t kv_width = int64_t{spec.num_kv_heads} * spec.head_dim;
  const MatrixView<float> q = NewMatrix(x.rows, q_width, ctx);
  const MatrixView<float> k = NewMatrix(x.rows, kv_width, ctx);
  const MatrixView<float> v = NewMatrix(x.rows, kv_width, ctx);

  MatrixView<float> both, gate;
  if (spec.output_gate) {
    both = NewMatrix(x.rows, 2 * q_width, ctx);
    gate = NewMatrix(x.rows, q_width, ctx);
  }
  MatmulInput input(x, ctx);
  // Keys and values stay in the cache and reach every later token: they are few, so the integer
  // path sees their activations twice as finely (docs/numerics.md, 4).
  const Product products[] = {{input, weights.q, spec.output_gate ? both : q},
                              {input, weights.k, k, ActivationTerms::kTwo},
                              {input, weights.v, v, ActivationTerms::kTwo}};
  MatmulTogether(products, ctx);
  if (spec.output_gate) Separate(spec, both, q, gate, ctx);
  AddBias(weights.q_bias, q, ctx);
  AddBias(weights.k_bias, k, ctx);
  AddBias(weights.v_bias, v, ctx);
  const bool norm_first = spec.qk_norm_place == QkNormPlace::kBeforeRope;
  if (spec.qk_norm && norm_first) NormQueriesAndKeys(weights, step.norm_eps, q, k, ctx);
  RotateQueriesAndKeys(spec, weights.rope, step, q, k, ctx);
  if (spec.qk_norm && !norm_first) NormQueriesAndKeys(weights, step.norm_eps, q, k, ctx);

  StoreKeysAndValues(step.batch, step.layer, Const(k), Const(v), step.cache, ctx);
  const MatrixView<float> mixed = NewMatrix(x.rows, q_width, ctx);
  const AttentionShape shape{.num_heads = spec.num_heads,
                             .num_kv_heads = spec.num_kv_heads,
                             .head_dim = spec.head_dim,
                             .value_dim = spec.head_dim,
                             .window = spec.sliding_window,
                             .scale = spec.scale,
                             .sinks = spec.sinks ? weights.sinks.data() : nullptr};
  Attention(shape, step.batch, step.layer, Const(q), step.cache, mixed, ctx);
  if (spec.output_gate) SigmoidMultiply(Const(gate), mixed, ctx);
  MatmulInput mixed_input(Const(mixed), ctx);
  Matmul(mixed_input, weights.o, out, ctx);
  AddBias(weights.o_bias, out, ctx);
}

}  // namespace tael
