#include "nn/attention_mla.h"

#include <algorithm>

#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

// Rows of queries in latent space that exist at the same time, counting each head's: of 576
// elements they and their results of 512 are 17 MiB. Which heads are done together does not show.
constexpr int64_t kLatentQueriesTogether = 4096;

// Columns [first, first + count) of a matrix.
MatrixView<float> Columns(const MatrixView<float>& m, int64_t first, int64_t count) {
  return {m.data + first, m.rows, count, m.stride};
}

// The latent row and the rotated key of every token, [T, R + Dr].
MatrixView<float> LatentRows(const MlaSpec& spec, const MlaWeights& weights, MatmulInput& x,
                             const RopeTables& tables, ComputeContext& ctx) {
  const MatrixView<float> rows = NewMatrix(x.x().rows, spec.cached_dim(), ctx);
  // They reach every later token, as keys and values do elsewhere (docs/numerics.md, 4).
  Matmul(x, weights.latent, rows, ctx, ActivationTerms::kTwo);
  const MatrixView<float> latent = Columns(rows, 0, spec.latent_dim);
  RmsNorm(Const(latent), weights.latent_norm, spec.inner_norm_eps, latent, ctx);
  ApplyRope(weights.rope, tables, spec.rope_dim, Columns(rows, spec.latent_dim, spec.rope_dim),
            ctx);
  return rows;
}

// Writes keys and values of all heads to the cache, made of the rows above.
void StoreExpanded(const MlaSpec& spec, const MlaWeights& weights, const AttentionStep& step,
                   MatrixView<float> rows, ComputeContext& ctx) {
  const int64_t heads = spec.num_heads, width = spec.query_dim();
  const MatrixView<float> keys = NewMatrix(rows.rows, heads * width, ctx);
  const MatrixView<float> values = NewMatrix(rows.rows, heads * spec.value_dim, ctx);
  // All heads read the same latent row.
  const HeadRows<const float> latent{Const(Columns(rows, 0, spec.latent_dim)), 0};
  const HeadRange all{0, spec.num_heads};
  HeadWeights key = weights.key;
  key.by_columns = !key.by_columns;  // the map to keys, which queries take backwards
  HeadMatmul(key, all, latent, {keys, width}, ctx);
  HeadMatmul(weights.value, all, latent, {values, spec.value_dim}, ctx);
  ctx.pool.ParallelFor(rows.rows, ctx.GrainFor(heads * spec.rope_dim),
                       [&](int64_t begin, int64_t end) {
                         for (int64_t t = begin; t < end; ++t) {
                           for (int64_t h = 0; h < heads; ++h) {
                             std::copy_n(rows.row(t) + spec.latent_dim, spec.rope_dim,
                                         keys.row(t) + h * width + spec.nope_dim);
                           }
                         }
                       });
  StoreKeysAndValues(step.batch, step.layer, Const(keys), Const(values), step.cache, ctx);
}

// Attention of some heads at a time, in latent space.
class LatentAttention {
 public:
  LatentAttention(const MlaSpec& spec, const MlaWeights& weights, const AttentionStep& step,
                  const Selection* selection, ComputeContext& ctx)
      : spec_(spec), weights_(weights), step_(step), selection_(selection), ctx_(ctx) {}

  // queries [T, H * (Dn + Dr)], rotated -> values [T, H * Dv].
  void Run(MatrixView<float> queries, MatrixView<float> values) {
    const int64_t rows = queries.rows, heads = spec_.num_heads;
    // Grows with the rows, so that the largest step needs the most.
    const int64_t kept = std::max(rows, std::min(rows * heads, kLatentQueriesTogether));
    float* latent_queries = ctx_.arena.Allocate<float>(kept * spec_.cached_dim());
    float* results = ctx_.arena.Allocate<float>(kept * spec_.latent_dim);
    const int64_t together = std::clamp<int64_t>(kept / std::max<int64_t>(rows, 1), 1, heads);
    for (int64_t first = 0; first < heads; first += together) {
      const HeadRange range{static_cast<int>(first),
                            static_cast<int>(std::min(together, heads - first))};
      const int64_t query_width = int64_t{range.heads} * spec_.cached_dim();
      const int64_t result_width = int64_t{range.heads} * spec_.latent_dim;
      const MatrixView<float> absorbed{latent_queries, rows, query_width, query_width};
      const MatrixView<float> mixed{results, rows, result_width, result_width};
      Absorb(range, queries, absorbed);
      Attend(range, absorbed, mixed);
      HeadMatmul(weights_.value, range, {Const(mixed), spec_.latent_dim},
                 {Columns(values, first * spec_.value_dim, int64_t{range.heads} * spec_.value_dim),
                  spec_.value_dim},
                 ctx_);
    }
  }

 private:
  // [nope | rope] -> [nope in latent space | rope] for every head of the range.
  void Absorb(const HeadRange& range, MatrixView<float> queries, MatrixView<float> absorbed) {
    const int64_t width = spec_.query_dim(), wide = spec_.cached_dim();
    const MatrixView<float> mine =
        Columns(queries, range.first_head * width, int64_t{range.heads} * width);
    HeadMatmul(weights_.key, range, {Const(mine), width}, {absorbed, wide}, ctx_);
    const int64_t grain = ctx_.GrainFor(int64_t{range.heads} * spec_.rope_dim);
    ctx_.pool.ParallelFor(mine.rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t h = 0; h < range.heads; ++h) {
          std::copy_n(mine.row(t) + h * width + spec_.nope_dim, spec_.rope_dim,
                      absorbed.row(t) + h * wide + spec_.latent_dim);
        }
      }
    });
  }

  void Attend(const HeadRange& range, MatrixView<float> absorbed, MatrixView<float> mixed) {
    const AttentionShape shape{.num_heads = range.heads,
                               .num_kv_heads = 1,
                               .head_dim = spec_.cached_dim(),
                               .value_dim = spec_.latent_dim,
                               .scale = spec_.scale,
                               .selection = selection_};
    Attention(shape, step_.batch, step_.layer, Const(absorbed), step_.cache, mixed, ctx_);
  }

  const MlaSpec& spec_;
  const MlaWeights& weights_;
  const AttentionStep& step_;
  const Selection* selection_;
  ComputeContext& ctx_;
};

}  // namespace

void MlaForward(const MlaSpec& spec, const MlaWeights& weights, const AttentionStep& step,
                MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const RopeTables tables = RopeTablesOf(weights.rope, step, ctx);
  MatmulInput input(x, ctx);
  const MatrixView<float> rows = LatentRows(spec, weights, input, tables, ctx);
  if (spec.expanded) {
    StoreExpanded(spec, weights, step, rows, ctx);
  } else {
    StoreLatents(step.batch, step.layer, Const(rows), step.cache, ctx);
  }

  MatrixView<const float> source = x;  // what queries are made of
  if (spec.q_rank > 0) {
    const MatrixView<float> down = NewMatrix(x.rows, spec.q_rank, ctx);
    Matmul(input, weights.query_down, down, ctx);
    RmsNorm(Const(down), weights.query_down_norm, spec.inner_norm_eps, down, ctx);
    source = Const(down);
  }
  const int64_t query_width = int64_t{spec.num_heads} * spec.query_dim();
  const MatrixView<float> queries = NewMatrix(x.rows, query_width, ctx);
  MatmulInput source_input(source, ctx);
  Matmul(spec.q_rank > 0 ? source_input : input, weights.query, queries, ctx);
  ApplyRope(weights.rope, tables, spec.query_dim(),
            Columns(queries, spec.nope_dim, query_width - spec.nope_dim), ctx);

  std::optional<Selection> selection;
  if (spec.indexer.has_value()) {
    const IndexerInput index{.x = x, .query_source = source, .tables = tables};
    selection = IndexerForward(*spec.indexer, weights.indexer, step, index, ctx);
  }
  const MatrixView<float> values = NewMatrix(x.rows, int64_t{spec.num_heads} * spec.value_dim, ctx);
  if (spec.expanded) {
    const AttentionShape shape{.num_heads = spec.num_heads,
                               .num_kv_heads = spec.num_heads,
                               .head_dim = spec.query_dim(),
                               .value_dim = spec.value_dim,
                               .scale = spec.scale};
    Attention(shape, step.batch, step.layer, Const(queries), step.cache, values, ctx);
  } else {
    LatentAttention attention(spec, weights, step, selection ? &*selection : nullptr, ctx);
    attention.Run(queries, values);
  }
  MatmulInput values_input(Const(values), ctx);
  Matmul(values_input, weights.output, out, ctx);
}

}  // namespace tael
