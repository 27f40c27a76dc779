#include "nn/entry_index.h"

#include <algorithm>

#include "ops/rms_norm.h"
#include "ops/row_places.h"
#include "ops/select_positions.h"

namespace tael {
namespace {

// Scores that are kept at the same time: 4 MiB, but at least those of one row.
constexpr int64_t kScoresTogether = int64_t{1} << 20;
// Entries that a thread scores at a time.
constexpr int64_t kEntriesTogether = 64;

// Scores of some rows, and the memory for them.
class EntryScorer {
 public:
  EntryScorer(const IndexerSpec& spec, const CompressorShape& shape, const AttentionStep& step,
              int64_t most, ComputeContext& ctx)
      : spec_(spec), shape_(shape), step_(step), most_(most), ctx_(ctx) {
    const auto rows = static_cast<int64_t>(step.batch.tokens.size());
    // Grows with rows and with length, so that the largest step needs the most.
    const int64_t kept = std::max(most, std::min(rows * most, kScoresTogether));
    together_ = kept / most;
    places_ = PlaceRows(step.batch, ctx);
    scores_ = ctx.arena.Allocate<float>(kept);
    ordered_ = ctx.arena.Allocate<float>(kept);
    fits_ = ctx.arena.Allocate<float>(ctx.pool.size() * spec.num_heads);
    decoded_ = ctx.arena.Allocate<float>(ctx.pool.size() * spec.head_dim);
  }

  int64_t together() const { return together_; }
  int64_t Visible(int64_t t) const { return (int64_t{places_[t].position} + 1) / shape_.ratio; }
  bool IsLimited(int64_t t) const { return Visible(t) > spec_.top_k; }

  void Score(int64_t first, int64_t count, MatrixView<const float> queries,
             MatrixView<const float> head_weights) {
    const int64_t runs = (most_ + kEntriesTogether - 1) / kEntriesTogether, units = count * runs;
    const int64_t operations = int64_t{spec_.num_heads} * spec_.head_dim * kEntriesTogether;
    const int64_t least = ctx_.GrainFor(operations);
    const int64_t parts = std::clamp<int64_t>(units / least, 1, ctx_.pool.size());
    ctx_.pool.ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        for (int64_t unit = part; unit < units; unit += parts) {
          const int64_t i = unit / runs, t = first + i;
          if (!IsLimited(t)) continue;
          const int64_t from = unit % runs * kEntriesTogether;
          const int64_t to = std::min(from + kEntriesTogether, Visible(t));
          for (int64_t e = from; e < to; ++e) {
            scores_[i * most_ + e] = ScoreOf(t, e, part, queries.row(t), head_weights.row(t));
          }
        }
      }
    });
  }

  // The bits of row `t`, which is number `i` of those scored last.
  void Select(int64_t i, int64_t t, uint64_t* bits) const {
    SelectLargest(scores_ + i * most_, Visible(t), spec_.top_k, ordered_ + i * most_, bits);
  }

 private:
  // Sum over heads of weight * max(q . k, 0).
  float ScoreOf(int64_t t, int64_t entry, int64_t part, const float* query,
                const float* head_weights) {
    const auto dim = static_cast<size_t>(spec_.head_dim);
    const auto heads = static_cast<size_t>(spec_.num_heads);
    const uint8_t* key = PlaneEntry(*places_[t].sequence, shape_.entries(step_.layer), entry,
                                    shape_.ratio, step_.cache);
    DType dtype = step_.cache.dtype();
    if (dtype == DType::kQ8_0) {
      float* row = decoded_ + part * spec_.head_dim;
      DecodeRow(dtype, key, spec_.head_dim, row);
      dtype = DType::kF32;
      key = reinterpret_cast<const uint8_t*>(row);
    }
    float* fits = fits_ + part * spec_.num_heads;
    ctx_.kernels.matmul_float(query, dim, heads, dtype, key,
                              static_cast<size_t>(*StorageBytes(dtype, spec_.head_dim)), 1, dim,
                              fits, 1);
    float score = 0.0f;
    for (size_t h = 0; h < heads; ++h) {
      score += head_weights[h] * (fits[h] < 0.0f ? 0.0f : fits[h]);  // a NaN stays one
    }
    return score;
  }

  const IndexerSpec& spec_;
  const CompressorShape& shape_;
  const AttentionStep& step_;
  int64_t most_;  // entries of the longest sequence
  ComputeContext& ctx_;
  int64_t together_ = 0;  // rows
  RowPlace* places_ = nullptr;
  float *scores_ = nullptr, *ordered_ = nullptr;  // [rows together, most]
  float *fits_ = nullptr, *decoded_ = nullptr;    // of each part of a loop
};

}  // namespace

bool EntryIndex::NeedsChoice() const {
  return LongestSequence(step_.batch) / shape_.ratio > spec_.top_k;
}

MatrixView<float> EntryIndex::NewQueries(ComputeContext& ctx) const {
  return NewMatrix(static_cast<int64_t>(step_.batch.tokens.size()),
                   int64_t{spec_.num_heads} * spec_.head_dim, ctx);
}

EntryChoice EntryIndex::Choose(MatrixView<const float> queries, const Weight& head_weights,
                               MatrixView<const float> x, ComputeContext& ctx) const {
  const int64_t rows = x.rows, most = LongestSequence(step_.batch) / shape_.ratio;
  const int64_t words = (most + 63) / 64;
  auto* bits = ctx.arena.Allocate<uint64_t>(rows * words);
  auto* limited = ctx.arena.Allocate<uint8_t>(rows);
  const Arena::Position mark = ctx.arena.Mark();
  // What a head counts is a decision like a router's: always float32. The constant factor of the
  // scores does not change their order and is left out.
  const MatrixView<float> counts = NewMatrix(rows, spec_.num_heads, ctx);
  ComputeContext exact = ctx;
  exact.matmul = MatmulMode::kFloat;
  MatmulInput exact_x(x, exact);
  Matmul(exact_x, head_weights, counts, exact);
  EntryScorer scorer(spec_, shape_, step_, most, ctx);
  for (int64_t first = 0; first < rows; first += scorer.together()) {
    const int64_t count = std::min(scorer.together(), rows - first);
    scorer.Score(first, count, queries, Const(counts));
    ctx.pool.ParallelFor(count, ctx.GrainFor(8 * most), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t t = first + i;
        limited[t] = scorer.IsLimited(t) ? 1 : 0;
        if (limited[t] != 0) scorer.Select(i, t, bits + t * words);
      }
    });
  }
  ctx.arena.Release(mark);
  return {bits, words, limited};
}

}  // namespace tael
