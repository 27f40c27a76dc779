#include "nn/indexer.h"

#include "ops/layer_norm.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"
#include "ops/select_positions.h"

namespace tael {
namespace {

constexpr float kKeyNormEps = 1e-6f;  // of the published code; no configuration names it

}  // namespace

std::optional<Selection> IndexerForward(const IndexerSpec& spec, const IndexerWeights& weights,
                                        const AttentionStep& step, const IndexerInput& input,
                                        ComputeContext& ctx) {
  const int64_t rows = input.x.rows;
  MatmulInput x(input.x, ctx);
  const MatrixView<float> keys = NewMatrix(rows, spec.head_dim, ctx);
  Matmul(x, weights.key, keys, ctx, ActivationTerms::kTwo);
  LayerNorm(weights.key_norm, weights.key_norm_bias, kKeyNormEps, keys, ctx);
  ApplyRope(weights.rope, input.tables, spec.head_dim, keys, ctx);
  StoreIndexKeys(step.batch, step.layer, Const(keys), step.cache, ctx);
  if (!NeedsSelection(step.batch, spec.top_k)) return std::nullopt;

  const MatrixView<float> queries = NewMatrix(rows, int64_t{spec.num_heads} * spec.head_dim, ctx);
  MatmulInput source(input.query_source, ctx);
  Matmul(source, weights.query, queries, ctx);
  ApplyRope(weights.rope, input.tables, spec.head_dim, queries, ctx);
  // What a head counts is a decision like a router's: always float32. The constant factor of the
  // scores does not change their order and is left out.
  const MatrixView<float> head_weights = NewMatrix(rows, spec.num_heads, ctx);
  ComputeContext exact = ctx;
  exact.matmul = MatmulMode::kFloat;
  MatmulInput exact_x(input.x, exact);
  Matmul(exact_x, weights.head_weights, head_weights, exact);
  const IndexQueries index{.queries = Const(queries),
                           .weights = Const(head_weights),
                           .num_heads = spec.num_heads,
                           .head_dim = spec.head_dim,
                           .top_k = spec.top_k};
  return SelectPositions(index, step.batch, step.layer, step.cache, ctx);
}

}  // namespace tael
