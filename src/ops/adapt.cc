// The rows of an adapter are gathered, so that each of its two small matrices is read once per
// step. A row's result depends on that row only, so neither the grouping nor the neighbours show.
#include "ops/adapt.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/profile.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

Weight FloatWeight(const std::vector<float>& values, int64_t n, int64_t k) {
  return {.dtype = DType::kF32,
          .n = n,
          .k = k,
          .data = reinterpret_cast<const uint8_t*>(values.data()),
          .row_bytes = k * static_cast<int64_t>(sizeof(float))};
}

// The rows of one list and the two matrices that are read for them.
struct Part {
  const std::vector<int32_t>& rows;
  const LowRankChange& change;
  float factor;  // of B A x
};

// y[rows[i]] = factor * delta[i] added, then times the gains; the product rounded, then the sum.
void AddDelta(const Part& part, float outer_scale, MatrixView<const float> delta,
              MatrixView<float> y, ComputeContext& ctx) {
  const std::vector<float>& gains = part.change.gains;
  ctx.pool.ParallelFor(delta.rows, ctx.GrainFor(delta.cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* from = delta.row(i);
      float* to = y.row(part.rows[static_cast<size_t>(i)]);
      for (int64_t j = 0; j < delta.cols; ++j) {
        float value = part.factor * from[j];
        if (outer_scale != 1.0f) value *= outer_scale;
        to[j] += value;
      }
      for (size_t j = 0; j < gains.size(); ++j) to[j] *= gains[j];
    }
  });
}

// The low-rank sum for gathered rows: lowered [rows, R] = A x.
void AddLowRank(const Part& part, float outer_scale, MatrixView<const float> lowered,
                MatrixView<float> y, ComputeContext& ctx) {
  const MatrixView<float> delta = NewMatrix(lowered.rows, y.cols, ctx);
  MatmulInput input(lowered, ctx);
  Matmul(input, FloatWeight(part.change.b, y.cols, part.change.rank), delta, ctx);
  AddDelta(part, outer_scale, Const(delta), y, ctx);
}

// y[rows[i]] = x[i] times another matrix.
void Replace(const Part& part, MatrixView<const float> x, MatrixView<float> y,
             ComputeContext& ctx) {
  const MatrixView<float> replaced = NewMatrix(x.rows, y.cols, ctx);
  MatmulInput input(x, ctx);
  Matmul(input, part.change.replacement, replaced, ctx);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(y.cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(replaced.row(i), y.cols, y.row(part.rows[static_cast<size_t>(i)]));
    }
  });
}

void AdaptRows(const Part& part, MatrixView<const float> x, MatrixView<float> y,
               ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  if (!part.change.replacement.empty()) Replace(part, x, y, ctx);
  if (part.change.rank > 0) {
    const MatrixView<float> lowered = NewMatrix(x.rows, part.change.rank, ctx);
    MatmulInput input(x, ctx);
    Matmul(input, FloatWeight(part.change.a, part.change.rank, x.cols), lowered, ctx);
    AddLowRank(part, 1.0f, Const(lowered), y, ctx);
  }
  ctx.arena.Release(mark);
}

// The rows of `tokens` that the list has, from a table other than the model's.
void ReplaceEmbedding(const Part& part, const std::vector<int32_t>& tokens, float scale,
                      MatrixView<float> out, ComputeContext& ctx) {
  const Weight& table = part.change.replacement;
  ctx.pool.ParallelFor(static_cast<int64_t>(part.rows.size()), ctx.GrainFor(out.cols),
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           const int32_t row = part.rows[static_cast<size_t>(i)];
                           DecodeRow(table.dtype, table.row(tokens[static_cast<size_t>(row)]),
                                     table.k, out.row(row));
                           if (scale == 1.0f) continue;
                           for (int64_t j = 0; j < out.cols; ++j) out.row(row)[j] *= scale;
                         }
                       });
}

void AdaptEmbeddingRows(const Part& part, const std::vector<int32_t>& tokens, float scale,
                        MatrixView<float> out, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  if (!part.change.replacement.empty()) ReplaceEmbedding(part, tokens, scale, out, ctx);
  if (part.change.rank > 0) {
    const auto count = static_cast<int64_t>(part.rows.size());
    const int64_t rank = part.change.rank;
    const MatrixView<float> lowered = NewMatrix(count, rank, ctx);
    ctx.pool.ParallelFor(count, ctx.GrainFor(rank), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int32_t token = tokens[static_cast<size_t>(part.rows[static_cast<size_t>(i)])];
        std::copy_n(part.change.a.data() + token * rank, rank, lowered.row(i));
      }
    });
    AddLowRank(part, scale, Const(lowered), out, ctx);
  }
  ctx.arena.Release(mark);
}

}  // namespace

AdapterScope::AdapterScope(ComputeContext& ctx, AdapterRows rows)
    : ctx_(ctx), outer_(ctx.adapters), rows_(std::move(rows)) {
  ctx.adapters = rows_.lists.empty() ? nullptr : &rows_;
}

AdapterScope::AdapterScope(ComputeContext& ctx, const int32_t* picked, int64_t count)
    : ctx_(ctx), outer_(ctx.adapters) {
  if (outer_ == nullptr) return;
  rows_.lists = outer_->lists;
  rows_.rows.resize(rows_.lists.size());
  for (size_t list = 0; list < rows_.lists.size(); ++list) {
    std::vector<int32_t>& rows = rows_.rows[list];
    const std::vector<int32_t>& from = outer_->rows[list];
    if (picked == nullptr) {
      rows.resize(static_cast<size_t>(count));
      std::iota(rows.begin(), rows.end(), 0);
      continue;
    }
    for (int64_t i = 0; i < count; ++i) {
      if (std::binary_search(from.begin(), from.end(), picked[i])) {
        rows.push_back(static_cast<int32_t>(i));
      }
    }
  }
  ctx.adapters = &rows_;
}

void AdaptProduct(const MatrixView<const float>& x, const Weight& w, MatrixView<float> y,
                  ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kAdapters);
  const AdapterRows& all = *ctx.adapters;
  const AdapterScope plain(ctx, AdapterRows());  // the adapters' own matrices are not adapted
  for (size_t list = 0; list < all.lists.size(); ++list) {
    const std::vector<AdapterUse>& uses = all.lists[list];
    const std::vector<int32_t>& rows = all.rows[list];
    const bool changed = std::any_of(uses.begin(), uses.end(), [&](const AdapterUse& use) {
      return use.adapter->Find(w) != nullptr;
    });
    if (!changed || rows.empty()) continue;
    const Arena::Position mark = ctx.arena.Mark();
    const MatrixView<float> gathered = GatherRows(x, rows, ctx);
    for (const AdapterUse& use : uses) {
      const LowRankChange* change = use.adapter->Find(w);
      if (change == nullptr) continue;
      AdaptRows({rows, *change, change->scale * use.weight}, Const(gathered), y, ctx);
    }
    ctx.arena.Release(mark);
  }
}

void AdaptEmbedding(const std::vector<int32_t>& tokens, float scale, MatrixView<float> out,
                    ComputeContext& ctx) {
  const AdapterRows& all = *ctx.adapters;
  const AdapterScope plain(ctx, AdapterRows());
  for (size_t list = 0; list < all.lists.size(); ++list) {
    for (const AdapterUse& use : all.lists[list]) {
      if (!use.adapter->embedding || all.rows[list].empty()) continue;
      const LowRankChange& change = *use.adapter->embedding;
      AdaptEmbeddingRows({all.rows[list], change, change.scale * use.weight}, tokens, scale, out,
                         ctx);
    }
  }
}

}  // namespace tael
