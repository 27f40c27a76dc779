#include "nn/compressor.h"

#include <algorithm>
#include <limits>

#include "ops/rms_norm.h"
#include "ops/row_places.h"

namespace tael {
namespace {

// For each row of the batch the first position of the entry that it completes, and which rows
// complete one.
struct Completed {
  std::vector<int32_t> starts;  // [T]; 0 where none is completed
  std::vector<int64_t> rows;
};

Completed FindCompleted(const Batch& batch, int ratio) {
  Completed completed;
  completed.starts.assign(batch.tokens.size(), 0);
  for (const BatchSequence& sequence : batch.sequences) {
    for (int i = 0; i < sequence.count; ++i) {
      const int next = sequence.begin + i + 1, row = sequence.first_row + i;
      if (next % ratio != 0) continue;
      completed.starts[static_cast<size_t>(row)] = next - ratio;
      completed.rows.push_back(row);
    }
  }
  return completed;
}

// What entries are made of, [values, gates] of a position: of the step's own positions, and of
// those before them that states keep.
class Inputs {
 public:
  Inputs(const CompressorShape& shape, const AttentionStep& step, MatrixView<const float> rows)
      : shape_(shape), step_(step), rows_(rows) {}

  const float* Values(const BatchSequence& sequence, int position) const {
    if (position < sequence.begin) return Kept(sequence.state, position);
    return rows_.row(sequence.first_row + position - sequence.begin);
  }
  const float* Gates(const BatchSequence& sequence, int position) const {
    return Values(sequence, position) + shape_.row_width();
  }

  // The sequence's own state comes last: snapshots may need what it still keeps.
  void Keep(const BatchSequence& sequence) const {
    const int kept = shape_.kept();
    for (const StateSnapshot& snapshot : sequence.snapshots) {
      Copy(sequence, std::max(0, snapshot.position - kept), snapshot.position, snapshot.slot);
    }
    const int end = sequence.begin + sequence.count;
    Copy(sequence, std::max(sequence.begin, end - kept), end, sequence.state);
  }

 private:
  float* Kept(StateSlot slot, int position) const {
    float* state = step_.states.Of(step_.layer, slot) + shape_.state_offset;
    return state + int64_t{position % shape_.kept()} * rows_.cols;
  }
  void Copy(const BatchSequence& sequence, int begin, int end, StateSlot slot) const {
    for (int p = begin; p < end; ++p) {
      std::copy_n(Values(sequence, p), rows_.cols, Kept(slot, p));
    }
  }

  const CompressorShape& shape_;
  const AttentionStep& step_;
  MatrixView<const float> rows_;  // [T, 2 W]
};

class EntryMaker {
 public:
  EntryMaker(const CompressorShape& shape, const CompressorWeights& weights,
             const AttentionStep& step, const RopeFrequencies& rope, ComputeContext& ctx)
      : shape_(shape), weights_(weights), step_(step), rope_(rope), ctx_(ctx) {}

  void Run(const Inputs& inputs) {
    const auto rows = static_cast<int64_t>(step_.batch.tokens.size());
    const Arena::Position mark = ctx_.arena.Mark();
    const Completed completed = FindCompleted(step_.batch, shape_.ratio);
    places_ = PlaceRows(step_.batch, ctx_);
    tables_ = MakeRopeTables(rope_, completed.starts, ctx_);
    scratch_ = NewMatrix(rows, kVectors * shape_.width, ctx_);
    const auto count = static_cast<int64_t>(completed.rows.size());
    const int64_t grain = ctx_.GrainFor(int64_t{16} * shape_.ratio * shape_.width);
    ctx_.pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) Make(inputs, completed.rows[static_cast<size_t>(i)]);
    });
    ctx_.arena.Release(mark);
  }

 private:
  static constexpr int kVectors = 4;  // maximum, sum, result, and a row of gates

  // Calls use(position, first column) for what the entry that begins at `start` takes, ascending.
  template <typename Use>
  void ForEachSlot(int start, const Use& use) const {
    if (shape_.overlapping) {
      for (int p = std::max(0, start - shape_.ratio); p < start; ++p) use(p, 0);
    }
    const int own = shape_.overlapping ? shape_.width : 0;
    for (int p = start; p < start + shape_.ratio; ++p) use(p, own);
  }

  // out [width] = gates of a position from column `first` on, plus the biases of its place.
  void BiasedGates(const float* gates, int position, int first, float* out) const {
    const float* bias =
        weights_.place_bias.data() + int64_t{position % shape_.ratio} * shape_.row_width() + first;
    for (int d = 0; d < shape_.width; ++d) out[d] = gates[first + d] + bias[d];
  }

  void Make(const Inputs& inputs, int64_t t) {
    const BatchSequence& sequence = *places_[t].sequence;
    const int width = shape_.width, start = places_[t].position + 1 - shape_.ratio;
    float* maximum = scratch_.row(t);
    float *sum = maximum + width, *entry = sum + width, *gate = entry + width;
    std::fill_n(maximum, width, -std::numeric_limits<float>::infinity());
    std::fill_n(sum, 2 * width, 0.0f);
    ForEachSlot(start, [&](int position, int first) {
      BiasedGates(inputs.Gates(sequence, position), position, first, gate);
      for (int d = 0; d < width; ++d) maximum[d] = gate[d] > maximum[d] ? gate[d] : maximum[d];
    });
    ForEachSlot(start, [&](int position, int first) {
      BiasedGates(inputs.Gates(sequence, position), position, first, gate);
      const float* value = inputs.Values(sequence, position) + first;
      for (int d = 0; d < width; ++d) gate[d] -= maximum[d];
      ctx_.kernels.exp(gate, static_cast<size_t>(width), gate);
      for (int d = 0; d < width; ++d) sum[d] += gate[d];
      for (int d = 0; d < width; ++d) entry[d] += gate[d] * value[d];
    });
    for (int d = 0; d < width; ++d) entry[d] /= sum[d];
    ctx_.kernels.rms_norm(entry, weights_.norm.data(), step_.norm_eps, static_cast<size_t>(width),
                          entry);
    const size_t half = rope_.inverse.size();
    ctx_.kernels.rope(entry + width - 2 * half, tables_.cos.row(t), tables_.sin.row(t), half,
                      rope_.pairing == RopePairing::kInterleaved);
    ctx_.kernels.to_cache(entry, static_cast<size_t>(width), step_.cache.dtype(),
                          PlaneEntry(sequence, shape_.entries(step_.layer), start / shape_.ratio,
                                     shape_.ratio, step_.cache));
  }

  const CompressorShape& shape_;
  const CompressorWeights& weights_;
  const AttentionStep& step_;
  const RopeFrequencies& rope_;
  ComputeContext& ctx_;
  RowPlace* places_ = nullptr;
  RopeTables tables_;
  MatrixView<float> scratch_;
};

// Every element as the cache's type would give it back.
void RoundToCache(DType dtype, MatrixView<float> x, ComputeContext& ctx) {
  if (dtype == DType::kF32) return;
  const Arena::Position mark = ctx.arena.Mark();
  const int64_t row_bytes = *StorageBytes(dtype, x.cols);
  auto* stored = ctx.arena.Allocate<uint8_t>(x.rows * row_bytes);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(2 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      uint8_t* row = stored + t * row_bytes;
      ctx.kernels.to_cache(x.row(t), static_cast<size_t>(x.cols), dtype, row);
      DecodeRow(dtype, row, x.cols, x.row(t));
    }
  });
  ctx.arena.Release(mark);
}

}  // namespace

KvPlane PlaneOf(const CompressorShape& shape) {
  return {EntriesPerBlock(shape.ratio), shape.width};
}

void Compress(const CompressorShape& shape, const CompressorWeights& weights,
              const AttentionStep& step, MatmulInput& x, const RopeFrequencies& rope,
              ComputeContext& ctx) {
  const int64_t width = shape.row_width();
  const MatrixView<float> rows = NewMatrix(x.x().rows, 2 * width, ctx);
  const MatrixView<float> values{rows.data, rows.rows, width, rows.stride};
  const MatrixView<float> gates{rows.data + width, rows.rows, width, rows.stride};
  // They reach every later token, as keys and values do elsewhere (docs/numerics.md, 4).
  const Product products[] = {{x, weights.values, values, ActivationTerms::kTwo},
                              {x, weights.gates, gates, ActivationTerms::kTwo}};
  MatmulTogether(products, ctx);
  RoundToCache(step.cache.dtype(), rows, ctx);
  const Inputs inputs(shape, step, Const(rows));
  EntryMaker(shape, weights, step, rope, ctx).Run(inputs);
  const auto sequences = static_cast<int64_t>(step.batch.sequences.size());
  ctx.pool.ParallelFor(sequences, ctx.GrainFor(rows.cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      inputs.Keep(step.batch.sequences[static_cast<size_t>(i)]);
    }
  });
}

}  // namespace tael
