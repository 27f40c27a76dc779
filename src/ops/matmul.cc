#include "ops/matmul.h"

#include <algorithm>

#include "base/error.h"
#include "ops/activation_observer.h"
#include "ops/adapt.h"
#include "ops/decode_rows.h"
#include "ops/interleaved_weights.h"
#include "ops/packed_matmul.h"
#include "quant/integer_form.h"

namespace tael {
namespace {

// Output rows are split in units of this many, so that kernels work on whole tiles.
constexpr int64_t kRowGrain = 16;
// Rows decoded together on the float path of block formats: they stay in the first-level caches.
constexpr int64_t kDecodedRows = 16;
// The same for few activation rows where nothing but the size of the caches speaks for more.
constexpr int64_t kFewDecodedRows = 6, kFewActivations = 4;

size_t Sized(int64_t value) { return static_cast<size_t>(value); }

void PlainFloatMatmul(const MatrixView<const float>& x, const Weight& w, MatrixView<float> y,
                      ComputeContext& ctx) {
  const int64_t grain = ctx.GrainFor(x.rows * w.k, kRowGrain);
  ctx.pool.ParallelFor(w.n, grain, [&](int64_t begin, int64_t end) {
    ctx.kernels.matmul_float(x.data, Sized(x.stride), Sized(x.rows), w.dtype, w.row(begin),
                             Sized(w.row_bytes), Sized(end - begin), Sized(w.k), y.data + begin,
                             Sized(y.stride));
  });
}

void IntegerMatmul(const QuantizedRows& x, const Weight& w, MatrixView<float> y,
                   ComputeContext& ctx) {
  const uint8_t* strips = ctx.interleaved == nullptr ? nullptr : ctx.interleaved->Find(w);
  const int64_t whole = strips == nullptr ? 0 : InterleavedWeights::StripRowsOf(w);
  const int64_t grain = ctx.GrainFor(static_cast<int64_t>(x.rows) * w.k, kRowGrain);
  ctx.pool.ParallelFor(w.n, grain, [&](int64_t begin, int64_t end) {
    const int64_t middle = std::clamp(whole, begin, end);
    if (begin < middle) {
      ctx.kernels.matmul_interleaved(x, w.dtype, strips + begin * w.row_bytes, Sized(w.row_bytes),
                                     Sized(middle - begin), y.data + begin, Sized(y.stride));
    }
    if (middle < end) {
      ctx.kernels.matmul_integer(x, w.dtype, w.row(middle), Sized(w.row_bytes), Sized(end - middle),
                                 y.data + middle, Sized(y.stride));
    }
  });
}

// y += the product of the residual; adding comes last, so the order is the same for any split.
void AddResidualProduct(const QuantizedRows& residual, const Weight& w, MatrixView<float> y,
                        ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> fine{ctx.arena.Allocate<float>(y.rows * w.n), y.rows, w.n, w.n};
  IntegerMatmul(residual, w, fine, ctx);
  ctx.pool.ParallelFor(y.rows, ctx.GrainFor(w.n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) ctx.kernels.add(fine.row(r), Sized(w.n), y.row(r));
  });
  ctx.arena.Release(mark);
}

// Words that hold neighbouring rows are read once for all of them.
bool SharesWords(const Weight& w) {
  return w.element_bytes != 0 ||
         (w.packed != nullptr && (std::holds_alternative<WordCodes>(w.packed->codes) ||
                                  std::holds_alternative<AcrossCodes>(w.packed->codes)));
}

// Few rows times float8: no value is written to memory.
void Float8Matmul(const MatrixView<const float>& x, const Weight& w, MatrixView<float> y,
                  ComputeContext& ctx) {
  const auto& codes = std::get<ByteCodes>(w.packed->codes);
  ctx.pool.ParallelFor(w.n, ctx.GrainFor(x.rows * w.k, kRowGrain), [&](int64_t begin, int64_t end) {
    const RowRange rows{w.first_row + begin * w.row_step, end - begin, w.row_step};
    ctx.kernels.matmul_float8(x.data, Sized(x.stride), Sized(x.rows), codes, rows, Sized(w.k),
                              y.data + begin, Sized(y.stride));
  });
}

// Decodes a few rows at a time to float32 and multiplies those.
void DecodedMatmul(const MatrixView<const float>& x, const Weight& w, MatrixView<float> y,
                   ComputeContext& ctx) {
  if (x.rows < kFewActivations && w.packed != nullptr && IsFloat8(*w.packed)) {
    return Float8Matmul(x, w, y, ctx);
  }
  const Arena::Position mark = ctx.arena.Mark();
  const int64_t together =
      x.rows < kFewActivations && !SharesWords(w) ? kFewDecodedRows : kDecodedRows;
  const int64_t least = ctx.GrainFor(x.rows * w.k, kDecodedRows);  // rows that are worth a thread
  const int64_t parts = std::clamp<int64_t>(w.n / least, 1, ctx.pool.size());
  float* scratch = ctx.arena.Allocate<float>(parts * kDecodedRows * w.k);
  const int64_t tiles = (w.n + together - 1) / together;
  const int64_t tiles_per_part = (tiles + parts - 1) / parts;
  ctx.pool.ParallelFor(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      float* rows = scratch + part * kDecodedRows * w.k;
      const int64_t stop = std::min(tiles, (part + 1) * tiles_per_part);
      for (int64_t tile = part * tiles_per_part; tile < stop; ++tile) {
        const int64_t begin = tile * together, count = std::min(together, w.n - begin);
        DecodeRows(w, begin, count, ctx.kernels, rows);
        ctx.kernels.matmul_float(x.data, Sized(x.stride), Sized(x.rows), DType::kF32,
                                 reinterpret_cast<const uint8_t*>(rows), Sized(w.k) * sizeof(float),
                                 Sized(count), Sized(w.k), y.data + begin, Sized(y.stride));
      }
    }
  });
  ctx.arena.Release(mark);
}

}  // namespace

QuantizedRows MatmulInput::Quantize(const MatrixView<const float>& x, size_t block) {
  const auto width = static_cast<int64_t>(block);
  const int64_t padded = (x.cols + width - 1) / width * width;
  QuantizedRows rows{.q = ctx_.arena.Allocate<int8_t>(x.rows * padded),
                     .scales = ctx_.arena.Allocate<float>(x.rows * padded / width),
                     .sums = ctx_.arena.Allocate<int16_t>(x.rows * padded / 16),
                     .rows = Sized(x.rows),
                     .k = Sized(x.cols),
                     .k_padded = Sized(padded),
                     .block = block};
  ctx_.pool.ParallelFor(x.rows, ctx_.GrainFor(4 * x.cols), [&](int64_t begin, int64_t end) {
    QuantizedRows part = rows;
    part.q += begin * padded;
    part.scales += begin * padded / width;
    part.sums += begin * padded / 16;
    part.rows = Sized(end - begin);
    ctx_.kernels.quantize_rows(x.row(begin), Sized(x.stride), Sized(end - begin), &part);
  });
  return rows;
}

const QuantizedRows& MatmulInput::Quantized(size_t block) {
  QuantizedRows& rows = quantized_[block == 32 ? 0 : 1];
  if (rows.q == nullptr) rows = Quantize(x_, block);
  return rows;
}

const QuantizedRows& MatmulInput::Residual(size_t block) {
  QuantizedRows& rows = residual_[block == 32 ? 0 : 1];
  if (rows.q != nullptr) return rows;
  const QuantizedRows& first = Quantized(block);
  float* rest = ctx_.arena.Allocate<float>(x_.rows * x_.cols);
  ctx_.pool.ParallelFor(x_.rows, ctx_.GrainFor(4 * x_.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int8_t* q = first.q + t * static_cast<int64_t>(first.k_padded);
      const float* scales = first.scales + t * static_cast<int64_t>(first.k_padded / block);
      for (int64_t i = 0; i < x_.cols; ++i) {
        const float seen = scales[static_cast<size_t>(i) / block] * static_cast<float>(q[i]);
        rest[t * x_.cols + i] = x_.row(t)[i] - seen;
      }
    }
  });
  rows = Quantize({rest, x_.rows, x_.cols, x_.cols}, block);
  return rows;
}

MatmulForm MatmulFormOf(DType dtype, bool integer_matmul) {
  if (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16) {
    return MatmulForm::kFloat;
  }
  return integer_matmul && IntegerBlockSize(dtype) != 0 ? MatmulForm::kInteger
                                                        : MatmulForm::kDecoded;
}

MatmulForm MatmulFormOf(const Weight& w, bool integer_matmul) {
  if (w.packed != nullptr && integer_matmul && CodeShapeOf(*w.packed).blocks != 0) {
    return MatmulForm::kCodes;
  }
  if (w.packed != nullptr || w.element_bytes != 0) return MatmulForm::kDecoded;
  return MatmulFormOf(w.dtype, integer_matmul);
}

void Matmul(MatmulInput& input, const Weight& w, MatrixView<float> y, ComputeContext& ctx,
            ActivationTerms terms) {
  TAEL_DCHECK(input.x().cols == w.k && y.cols == w.n && y.rows == input.x().rows);
  if (y.rows == 0) return;  // a step in the middle of prompts asks for no logits
  switch (MatmulFormOf(w, ctx.integer_matmul)) {
    case MatmulForm::kFloat:
      PlainFloatMatmul(input.x(), w, y, ctx);
      break;
    case MatmulForm::kInteger: {
      const size_t block = ActivationBlock(w.dtype);
      IntegerMatmul(input.Quantized(block), w, y, ctx);
      if (terms == ActivationTerms::kTwo) AddResidualProduct(input.Residual(block), w, y, ctx);
      break;
    }
    case MatmulForm::kCodes:
      PackedIntegerMatmul(input, w, y, ctx, terms);
      break;
    case MatmulForm::kDecoded:
      DecodedMatmul(input.x(), w, y, ctx);
      break;
  }
  if (ctx.adapters != nullptr) AdaptProduct(input.x(), w, y, ctx);
  if (ctx.observer != nullptr) ctx.observer->See(w, input.x(), ctx);
}

void AddBias(const std::vector<float>& bias, MatrixView<float> y, ComputeContext& ctx) {
  if (bias.empty()) return;
  ctx.pool.ParallelFor(y.rows, ctx.GrainFor(y.cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) ctx.kernels.add(bias.data(), bias.size(), y.row(r));
  });
}

}  // namespace tael
