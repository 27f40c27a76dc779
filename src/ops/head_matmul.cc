#include "ops/head_matmul.h"

#include <algorithm>

#include "base/error.h"
#include "ops/adapt_heads.h"
#include "ops/decode_rows.h"

namespace tael {
namespace {

// Outputs of one head that are computed together; so many columns of a weight lie side by side in
// whole cache lines, and so many decoded rows stay in the first-level caches.
constexpr int64_t kOutputsTogether = 32;

size_t Sized(int64_t value) { return static_cast<size_t>(value); }

// Whether the kernels can read it as it is stored.
bool IsPlain(const Weight& w) {
  if (w.packed != nullptr || w.element_bytes != 0) return false;
  return w.dtype == DType::kF32 || w.dtype == DType::kF16 || w.dtype == DType::kBF16;
}

// A part of one head's weight and where its results go.
struct Piece {
  DType dtype = DType::kF32;
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;
  int64_t begin = 0, count = 0;  // outputs
};

class HeadProduct {
 public:
  HeadProduct(const HeadWeights& w, const HeadRange& range, const HeadRows<const float>& x,
              const HeadRows<float>& y, ComputeContext& ctx)
      : w_(w), range_(range), x_(x), y_(y), ctx_(ctx) {}

  // Weights the kernels can read: split over heads and outputs.
  void Plain() {
    const int64_t tiles = (w_.outputs() + kOutputsTogether - 1) / kOutputsTogether;
    const int64_t grain = ctx_.GrainFor(x_.rows.rows * w_.inputs() * kOutputsTogether);
    ctx_.pool.ParallelFor(range_.heads * tiles, grain, [&](int64_t first, int64_t last) {
      while (first < last) {  // tiles of one head at once
        const int64_t head = first / tiles, tile = first % tiles;
        const int64_t end = std::min(tiles, tile + last - first);
        const int64_t begin = tile * kOutputsTogether;
        const int64_t count = std::min(w_.outputs(), end * kOutputsTogether) - begin;
        Run(head, PlainPiece(head, begin, count));
        first += end - tile;
      }
    });
  }

  // Other types: one head at a time is decoded to scratch memory of each worker.
  void Decoded() {
    const Arena::Position mark = ctx_.arena.Mark();
    const int64_t size = w_.rows * w_.all.k;
    // The same memory for every number of heads: a plan knows only the largest step.
    const int64_t parts = ctx_.pool.size();
    float* scratch = ctx_.arena.Allocate<float>(parts * size);
    ctx_.pool.ParallelFor(parts, 1, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        float* decoded = scratch + part * size;
        for (int64_t head = part; head < range_.heads; head += parts) {
          DecodeRows(w_.all, FirstRow(head), w_.rows, ctx_.kernels, decoded);
          Run(head, {.dtype = DType::kF32,
                     .data = reinterpret_cast<const uint8_t*>(decoded),
                     .row_bytes = w_.all.k * static_cast<int64_t>(sizeof(float)),
                     .begin = 0,
                     .count = w_.outputs()});
        }
      }
    });
    ctx_.arena.Release(mark);
  }

 private:
  int64_t FirstRow(int64_t head) const {
    return w_.first_row + (range_.first_head + head) * w_.step;
  }

  Piece PlainPiece(int64_t head, int64_t begin, int64_t count) const {
    const int64_t element = *StorageBytes(w_.all.dtype, 1);
    return {
        .dtype = w_.all.dtype,
        .data = w_.all.row(FirstRow(head)) + begin * (w_.by_columns ? element : w_.all.row_bytes),
        .row_bytes = w_.all.row_bytes,
        .begin = begin,
        .count = count};
  }

  void Run(int64_t head, const Piece& piece) const {
    const auto product = w_.by_columns ? ctx_.kernels.matmul_transposed : ctx_.kernels.matmul_float;
    product(x_.rows.data + head * x_.step, Sized(x_.rows.stride), Sized(x_.rows.rows), piece.dtype,
            piece.data, Sized(piece.row_bytes), Sized(piece.count), Sized(w_.inputs()),
            y_.rows.data + head * y_.step + piece.begin, Sized(y_.rows.stride));
  }

  const HeadWeights& w_;
  const HeadRange& range_;
  const HeadRows<const float>& x_;
  const HeadRows<float>& y_;
  ComputeContext& ctx_;
};

}  // namespace

void HeadMatmul(const HeadWeights& w, const HeadRange& range, const HeadRows<const float>& x,
                const HeadRows<float>& y, ComputeContext& ctx) {
  TAEL_DCHECK(x.rows.rows == y.rows.rows);
  HeadProduct product(w, range, x, y, ctx);
  if (IsPlain(w.all)) {
    product.Plain();
  } else {
    product.Decoded();
  }
  if (ctx.adapters != nullptr) AdaptHeadProduct(w, range, x, y, ctx);
}

}  // namespace tael
