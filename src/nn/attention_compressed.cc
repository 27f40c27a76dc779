#include "nn/attention_compressed.h"

#include <algorithm>

#include "nn/entry_index.h"
#include "ops/attention.h"
#include "ops/gathered_attention.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"
#include "ops/row_places.h"

namespace tael {
namespace {

CompressorShape EntryShape(const CompressedSpec& spec) {
  return {.ratio = spec.ratio, .overlapping = spec.overlapping, .width = spec.head_dim};
}

CompressorShape IndexShape(const CompressedSpec& spec) {
  return {.ratio = spec.ratio,
          .overlapping = spec.overlapping,
          .width = spec.indexer->head_dim,
          .plane = 1,
          .state_offset = EntryShape(spec).state()};
}

// Rotates the last elements of every head.
void RotateEnds(const CompressedWeights& weights, const RopeTables& tables, int head_dim,
                MatrixView<float> x, ComputeContext& ctx) {
  const int64_t kept = head_dim - 2 * static_cast<int64_t>(weights.rope.inverse.size());
  ApplyRope(weights.rope, tables, head_dim, {x.data + kept, x.rows, x.cols - kept, x.stride}, ctx);
}

// Makes the tables rotate backwards.
void Reverse(const RopeTables& tables, ComputeContext& ctx) {
  ctx.pool.ParallelFor(tables.sin.rows, ctx.GrainFor(tables.sin.cols), [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      for (int64_t i = 0; i < tables.sin.cols; ++i) tables.sin.row(t)[i] = -tables.sin.row(t)[i];
    }
  });
}

// The cache rows that a row of the batch sees: entries, oldest first, then positions.
class Sight {
 public:
  Sight(const CompressedSpec& spec, const AttentionStep& step, const EntryChoice* choice,
        ComputeContext& ctx)
      : spec_(spec), step_(step), choice_(choice), places_(PlaceRows(step.batch, ctx)) {}

  // Of the longest sequence.
  int64_t Longest() const {
    const int64_t length = LongestSequence(step_.batch);
    int64_t entries = spec_.ratio > 0 ? length / spec_.ratio : 0;
    if (spec_.indexer.has_value()) entries = std::min<int64_t>(entries, spec_.indexer->top_k);
    return std::min<int64_t>(length, spec_.window) + entries;
  }

  int64_t List(int64_t t, const uint8_t** rows) const {
    const auto [sequence, position] = places_[t];
    const int64_t visible = int64_t{position} + 1;
    const int64_t entries = spec_.ratio > 0 ? visible / spec_.ratio : 0;
    int64_t count = 0;
    for (int64_t e = 0; e < entries; ++e) {
      if (choice_ != nullptr && !choice_->Has(t, e)) continue;
      rows[count++] = PlaneEntry(*sequence, EntryShape(spec_).entries(step_.layer), e, spec_.ratio,
                                 step_.cache);
    }
    const int64_t row_bytes = step_.cache.row_bytes(step_.layer);
    for (int64_t p = std::max<int64_t>(0, visible - spec_.window); p < visible; ++p) {
      const BlockId block = sequence->blocks[static_cast<size_t>(p / kKvBlockPositions)];
      rows[count++] = step_.cache.Keys(step_.layer, block, 0) + p % kKvBlockPositions * row_bytes;
    }
    return count;
  }

 private:
  const CompressedSpec& spec_;
  const AttentionStep& step_;
  const EntryChoice* choice_;
  const RowPlace* places_;
};

// Every group of heads through its own rows of output_down, then all results through output.
void Project(const CompressedSpec& spec, const CompressedWeights& weights,
             MatrixView<const float> mixed, MatrixView<float> out, ComputeContext& ctx) {
  const int64_t rank = spec.output_rank, width = mixed.cols / spec.output_groups;
  const MatrixView<float> down = NewMatrix(mixed.rows, rank * spec.output_groups, ctx);
  for (int64_t g = 0; g < spec.output_groups; ++g) {
    MatmulInput heads({mixed.data + g * width, mixed.rows, width, mixed.stride}, ctx);
    Matmul(heads, weights.output_down[static_cast<size_t>(g)],
           {down.data + g * rank, down.rows, rank, down.stride}, ctx);
  }
  MatmulInput input(Const(down), ctx);
  Matmul(input, weights.output, out, ctx);
}

}  // namespace

std::vector<KvPlane> PlanesOf(const CompressedSpec& spec) {
  std::vector<KvPlane> planes;
  if (spec.ratio > 0) planes.push_back(PlaneOf(EntryShape(spec)));
  if (spec.indexer.has_value()) planes.push_back(PlaneOf(IndexShape(spec)));
  return planes;
}

int64_t StateSize(const CompressedSpec& spec) {
  const int64_t entries = spec.ratio > 0 ? EntryShape(spec).state() : 0;
  return entries + (spec.indexer.has_value() ? IndexShape(spec).state() : 0);
}

void CompressedForward(const CompressedSpec& spec, const CompressedWeights& weights,
                       const AttentionStep& step, MatrixView<const float> x, MatrixView<float> out,
                       ComputeContext& ctx) {
  MatmulInput input(x, ctx);
  const MatrixView<float> latent = NewMatrix(x.rows, spec.q_rank, ctx);
  Matmul(input, weights.query_down, latent, ctx);
  RmsNorm(Const(latent), weights.query_down_norm, step.norm_eps, latent, ctx);
  MatmulInput latent_input(Const(latent), ctx);
  const MatrixView<float> q = NewMatrix(x.rows, int64_t{spec.num_heads} * spec.head_dim, ctx);
  Matmul(latent_input, weights.query, q, ctx);
  RmsNormHeads(weights.query_norm, step.norm_eps, q, ctx);
  const MatrixView<float> shared = NewMatrix(x.rows, spec.head_dim, ctx);
  Matmul(input, weights.shared, shared, ctx, ActivationTerms::kTwo);
  RmsNorm(Const(shared), weights.shared_norm, step.norm_eps, shared, ctx);
  const RopeTables tables = MakeRopeTables(weights.rope, step.batch.positions, ctx);
  RotateEnds(weights, tables, spec.head_dim, q, ctx);
  RotateEnds(weights, tables, spec.head_dim, shared, ctx);
  StoreLatents(step.batch, step.layer, Const(shared), step.cache, ctx);

  std::optional<EntryChoice> choice;
  if (spec.ratio > 0) {
    Compress(EntryShape(spec), weights.compressor, step, input, weights.rope, ctx);
  }
  if (spec.indexer.has_value()) {
    const CompressorShape shape = IndexShape(spec);
    Compress(shape, weights.index.compressor, step, input, weights.rope, ctx);
    const EntryIndex index(*spec.indexer, shape, step);
    if (index.NeedsChoice()) {
      const MatrixView<float> queries = index.NewQueries(ctx);
      Matmul(latent_input, weights.index.query, queries, ctx);
      RotateEnds(weights, tables, spec.indexer->head_dim, queries, ctx);
      choice = index.Choose(Const(queries), weights.index.head_weights, x, ctx);
    }
  }

  const MatrixView<float> mixed = NewMatrix(x.rows, q.cols, ctx);
  const Sight sight(spec, step, choice.has_value() ? &*choice : nullptr, ctx);
  const GatheredShape shape{.num_heads = spec.num_heads,
                            .head_dim = spec.head_dim,
                            .scale = spec.scale,
                            .sinks = weights.sinks.data(),
                            .longest = sight.Longest(),
                            .dtype = step.cache.dtype()};
  GatheredAttention(
      shape, [&](int64_t t, const uint8_t** rows) { return sight.List(t, rows); }, Const(q), mixed,
      ctx);
  // Values carry the rotation of their own positions; turning the sum back by that of the row
  // leaves the distances.
  Reverse(tables, ctx);
  RotateEnds(weights, tables, spec.head_dim, mixed, ctx);
  Project(spec, weights, Const(mixed), out, ctx);
}

}  // namespace tael
