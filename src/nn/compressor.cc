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

class EntryMaker {
 public:
  EntryMaker(const CompressorShape& shape, const CompressorWeights& weights,
             const AttentionStep& step, const RopeFrequencies& rope, ComputeContext& ctx)
      : shape_(shape), weights_(weights), step_(step), rope_(rope), ctx_(ctx) {}

  void Run() {
    const auto rows = static_cast<int64_t>(step_.batch.tokens.size());
    const Arena::Position mark = ctx_.arena.Mark();
    const Completed completed = FindCompleted(step_.batch, shape_.ratio);
    places_ = PlaceRows(step_.batch, ctx_);
    tables_ = MakeRopeTables(rope_, completed.starts, ctx_);
    scratch_ = NewMatrix(rows, kVectors * shape_.width, ctx_);
    const auto count = static_cast<int64_t>(completed.rows.size());
    const int64_t grain = ctx_.GrainFor(int64_t{16} * shape_.ratio * shape_.width);
    ctx_.pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) Make(completed.rows[static_cast<size_t>(i)]);
    });
    ctx_.arena.Release(mark);
  }

 private:
  static constexpr int kVectors = 5;  // maximum, sum, result, and a row of gates and of values

  // Calls use(position, first column) for what the entry that begins at `start` takes, ascending.
  template <typename Use>
  void ForEachSlot(int start, const Use& use) const {
    if (shape_.overlapping) {
      for (int p = std::max(0, start - shape_.ratio); p < start; ++p) use(p, 0);
    }
    const int own = shape_.overlapping ? shape_.width : 0;
    for (int p = start; p < start + shape_.ratio; ++p) use(p, own);
  }

  // out [width] = columns [first, ...) of the stored row of a position.
  void Read(const BatchSequence& sequence, PlaneId id, int position, int first, float* out) const {
    const DType dtype = step_.cache.dtype();
    const uint8_t* row = PlaneRow(sequence, id, position, step_.cache);
    DecodeRow(dtype, row + *StorageBytes(dtype, first), shape_.width, out);
  }

  void ReadGates(const BatchSequence& sequence, int position, int first, float* out) const {
    Read(sequence, shape_.gates(step_.layer), position, first, out);
    const float* bias =
        weights_.place_bias.data() + int64_t{position % shape_.ratio} * shape_.row_width() + first;
    for (int d = 0; d < shape_.width; ++d) out[d] += bias[d];
  }

  void Make(int64_t t) {
    const BatchSequence& sequence = *places_[t].sequence;
    const int width = shape_.width, start = places_[t].position + 1 - shape_.ratio;
    float* maximum = scratch_.row(t);
    float *sum = maximum + width, *entry = sum + width, *gate = entry + width;
    float* value = gate + width;
    std::fill_n(maximum, width, -std::numeric_limits<float>::infinity());
    std::fill_n(sum, 2 * width, 0.0f);
    ForEachSlot(start, [&](int position, int first) {
      ReadGates(sequence, position, first, gate);
      for (int d = 0; d < width; ++d) maximum[d] = gate[d] > maximum[d] ? gate[d] : maximum[d];
    });
    ForEachSlot(start, [&](int position, int first) {
      ReadGates(sequence, position, first, gate);
      Read(sequence, shape_.values(step_.layer), position, first, value);
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

}  // namespace

std::vector<KvPlane> PlanesOf(const CompressorShape& shape) {
  return {{kKvBlockPositions, shape.row_width()},
          {kKvBlockPositions, shape.row_width()},
          {EntriesPerBlock(shape.ratio), shape.width}};
}

void Compress(const CompressorShape& shape, const CompressorWeights& weights,
              const AttentionStep& step, MatmulInput& x, const RopeFrequencies& rope,
              ComputeContext& ctx) {
  const MatrixView<float> values = NewMatrix(x.x().rows, shape.row_width(), ctx);
  const MatrixView<float> gates = NewMatrix(x.x().rows, shape.row_width(), ctx);
  // They reach every later token, as keys and values do elsewhere (docs/numerics.md, 4).
  Matmul(x, weights.values, values, ctx, ActivationTerms::kTwo);
  Matmul(x, weights.gates, gates, ctx, ActivationTerms::kTwo);
  StorePlaneRows(step.batch, shape.values(step.layer), Const(values), step.cache, ctx);
  StorePlaneRows(step.batch, shape.gates(step.layer), Const(gates), step.cache, ctx);
  EntryMaker(shape, weights, step, rope, ctx).Run();
}

}  // namespace tael
