#include "ops/select_positions.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "ops/profile.h"
#include "ops/row_places.h"

namespace tael {
namespace {

// Scores that are kept at the same time: 4 MiB, but at least those of one row.
constexpr int64_t kScoresTogether = int64_t{1} << 20;

constexpr int64_t kBlock = kKvBlockPositions;

class Selector {
 public:
  Selector(const IndexQueries& index, const Batch& batch, int layer, KvCache& cache,
           ComputeContext& ctx)
      : index_(index), batch_(batch), layer_(layer), cache_(cache), ctx_(ctx) {
    blocks_ = (LongestSequence(batch) + kBlock - 1) / kBlock;
  }

  Selection Run() {
    const int64_t rows = index_.queries.rows, row_size = blocks_ * kBlock;
    const Selection selection{ctx_.arena.Allocate<uint64_t>(rows * blocks_), blocks_,
                              ctx_.arena.Allocate<uint8_t>(rows)};
    const Arena::Position mark = ctx_.arena.Mark();
    places_ = PlaceRows(batch_, ctx_);
    // Grows with rows and with length, so that the largest step needs the most.
    const int64_t kept = std::max(row_size, std::min(rows * row_size, kScoresTogether));
    scores_ = ctx_.arena.Allocate<float>(kept);
    ordered_ = ctx_.arena.Allocate<float>(kept);
    fits_ = ctx_.arena.Allocate<float>(ctx_.pool.size() * index_.num_heads * kBlock);
    decoded_ = ctx_.arena.Allocate<float>(ctx_.pool.size() * kBlock * index_.head_dim);
    const int64_t together = kept / row_size;
    for (int64_t first = 0; first < rows; first += together) {
      const int64_t count = std::min(together, rows - first);
      Score(first, count);
      Choose(first, count, selection);
    }
    ctx_.arena.Release(mark);
    return selection;
  }

 private:
  int64_t Visible(int64_t t) const { return int64_t{places_[t].position} + 1; }
  bool IsLimited(int64_t t) const { return Visible(t) > index_.top_k; }
  float* ScoresOf(int64_t place) const { return scores_ + place * blocks_ * kBlock; }

  // Scores of rows [first, first + count): units of one row and one block.
  void Score(int64_t first, int64_t count) {
    const int64_t units = count * blocks_;
    const int64_t operations = index_.num_heads * (index_.head_dim + 1) * kBlock;
    const int64_t least = ctx_.GrainFor(operations);
    const int64_t parts = std::clamp<int64_t>(units / least, 1, ctx_.pool.size());
    ctx_.pool.ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        for (int64_t unit = part; unit < units; unit += parts) {
          const int64_t t = first + unit / blocks_, block = unit % blocks_;
          if (!IsLimited(t) || block * kBlock >= Visible(t)) continue;
          ScoreBlock(t, block, part, ScoresOf(unit / blocks_) + block * kBlock);
        }
      }
    });
  }

  // score_s = sum over heads of weight * max(q . k_s, 0) for the visible positions of a block.
  void ScoreBlock(int64_t t, int64_t block, int64_t part, float* scores) {
    const int64_t dim = index_.head_dim, heads = index_.num_heads;
    const auto count = std::min(kBlock, Visible(t) - block * kBlock);
    const BlockId id = places_[t].sequence->blocks[static_cast<size_t>(block)];
    const uint8_t* keys = cache_.IndexKeys(layer_, id);
    int64_t row_bytes = *StorageBytes(cache_.dtype(), dim);
    DType dtype = cache_.dtype();
    if (dtype == DType::kQ8_0) {
      float* rows = decoded_ + part * kBlock * dim;
      for (int64_t s = 0; s < count; ++s)
        DecodeRow(dtype, keys + s * row_bytes, dim, rows + s * dim);
      dtype = DType::kF32;
      keys = reinterpret_cast<const uint8_t*>(rows);
      row_bytes = dim * static_cast<int64_t>(sizeof(float));
    }
    float* fits = fits_ + part * heads * kBlock;
    const auto size = [](int64_t value) { return static_cast<size_t>(value); };
    ctx_.kernels.matmul_float(index_.queries.row(t), size(dim), size(heads), dtype, keys,
                              size(row_bytes), size(count), size(dim), fits, size(kBlock));
    std::fill_n(scores, count, 0.0f);
    for (int64_t h = 0; h < heads; ++h) {
      const float weight = index_.weights.row(t)[h];
      for (int64_t s = 0; s < count; ++s) {
        const float fit = fits[h * kBlock + s];
        scores[s] += weight * (fit < 0.0f ? 0.0f : fit);  // a NaN stays one
      }
    }
  }

  void Choose(int64_t first, int64_t count, const Selection& selection) {
    ctx_.pool.ParallelFor(count, ctx_.GrainFor(8 * blocks_ * kBlock), [&](int64_t b, int64_t e) {
      for (int64_t place = b; place < e; ++place) {
        const int64_t t = first + place;
        selection.limited[t] = IsLimited(t) ? 1 : 0;
        if (!IsLimited(t)) continue;
        SelectLargest(ScoresOf(place), Visible(t), index_.top_k,
                      ordered_ + place * blocks_ * kBlock, selection.bits + t * blocks_);
      }
    });
  }

  const IndexQueries& index_;
  const Batch& batch_;
  int layer_;
  KvCache& cache_;
  ComputeContext& ctx_;
  int64_t blocks_ = 0;
  RowPlace* places_ = nullptr;
  float *scores_ = nullptr, *ordered_ = nullptr;  // [rows kept, blocks * 64]
  float *fits_ = nullptr, *decoded_ = nullptr;    // of each part of a loop
};

}  // namespace

bool NeedsSelection(const Batch& batch, int top_k) { return LongestSequence(batch) > top_k; }

Selection SelectPositions(const IndexQueries& index, const Batch& batch, int layer, KvCache& cache,
                          ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kAttention);
  return Selector(index, batch, layer, cache, ctx).Run();
}

void SelectLargest(const float* scores, int64_t n, int64_t top_k, float* scratch, uint64_t* bits) {
  const auto rank = [](float score) {
    return std::isnan(score) ? std::numeric_limits<float>::infinity() : score;
  };
  std::transform(scores, scores + n, scratch, rank);
  std::nth_element(scratch, scratch + (top_k - 1), scratch + n, std::greater<>());
  const float least = scratch[top_k - 1];  // the smallest score that is chosen
  int64_t ties =
      top_k - std::count_if(scratch, scratch + top_k, [&](float s) { return s > least; });
  std::fill_n(bits, (n + kBlock - 1) / kBlock, uint64_t{0});
  for (int64_t s = 0; s < n; ++s) {
    const float score = rank(scores[s]);
    const bool chosen = score > least || (score == least && ties-- > 0);
    if (chosen) bits[s / kBlock] |= uint64_t{1} << (s % kBlock);
  }
}

}  // namespace tael
