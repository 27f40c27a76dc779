// Activations in 8 bits and in BF16, for products that do not read them as they are.
#include <algorithm>

#include "base/error.h"
#include "ops/matmul.h"
#include "ops/profile.h"

namespace tael {
namespace {

size_t Sized(int64_t value) { return static_cast<size_t>(value); }

QuantizedRows NewRows(int64_t rows, int64_t cols, size_t block, ComputeContext& ctx) {
  const auto width = static_cast<int64_t>(block);
  const int64_t padded = (cols + width - 1) / width * width;
  return {.q = ctx.arena.Allocate<int8_t>(rows * padded),
          .scales = ctx.arena.Allocate<float>(rows * padded / width),
          .sums = ctx.arena.Allocate<int16_t>(rows * padded / 16),
          .rows = Sized(rows),
          .k = Sized(cols),
          .k_padded = Sized(padded),
          .block = block};
}

// rest = x - scale * q
void Subtract(const float* x, const QuantizedRows& row, float* rest) {
  for (size_t begin = 0, b = 0; begin < row.k; begin += row.block, ++b) {
    const size_t end = std::min(row.k, begin + row.block);
    const float scale = row.scales[b];
    for (size_t i = begin; i < end; ++i) rest[i] = x[i] - scale * static_cast<float>(row.q[i]);
  }
}

}  // namespace

QuantizedRows RowsOf(const QuantizedRows& rows, int64_t first, int64_t count) {
  const auto padded = static_cast<int64_t>(rows.k_padded);
  QuantizedRows part = rows;
  part.q += first * padded;
  part.scales += first * (padded / static_cast<int64_t>(rows.block));
  part.sums += first * (padded / 16);
  part.rows = Sized(count);
  return part;
}

MatmulInput::MatmulInput(MatmulInput& all, size_t block, const int32_t* rows, int64_t count,
                         ComputeContext& ctx)
    : x_{nullptr, count, all.x_.cols, all.x_.cols}, ctx_(ctx) {
  const QuantizedRows& from = all.Quantized(block);
  const OpScope scope(ctx.profile, OpKind::kQuantize);
  QuantizedRows& mine = quantized_[block == 32 ? 0 : 1];
  mine = NewRows(x_.rows, x_.cols, block, ctx);
  const size_t padded = mine.k_padded;
  ctx.pool.ParallelFor(x_.rows, ctx.GrainFor(x_.cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const QuantizedRows to = RowsOf(mine, i, 1), row = RowsOf(from, rows[i], 1);
      std::copy_n(row.q, padded, to.q);
      std::copy_n(row.scales, padded / block, to.scales);
      std::copy_n(row.sums, padded / 16, to.sums);
    }
  });
}

const QuantizedRows& MatmulInput::Quantized(size_t block) {
  QuantizedRows& rows = quantized_[block == 32 ? 0 : 1];
  if (rows.q != nullptr) return rows;
  const OpScope scope(ctx_.profile, OpKind::kQuantize);
  rows = NewRows(x_.rows, x_.cols, block, ctx_);
  ctx_.pool.ParallelFor(x_.rows, ctx_.GrainFor(4 * x_.cols), [&](int64_t begin, int64_t end) {
    QuantizedRows part = RowsOf(rows, begin, end - begin);
    ctx_.kernels.quantize_rows(x_.row(begin), Sized(x_.stride), Sized(end - begin), &part);
  });
  return rows;
}

const QuantizedRows& MatmulInput::WithResidual(size_t block) {
  QuantizedRows& both = both_[block == 32 ? 0 : 1];
  if (both.q != nullptr) return both;
  const OpScope scope(ctx_.profile, OpKind::kQuantize);
  both = NewRows(2 * x_.rows, x_.cols, block, ctx_);
  const Arena::Position mark = ctx_.arena.Mark();
  float* rest = ctx_.arena.Allocate<float>(x_.rows * x_.cols);
  ctx_.pool.ParallelFor(x_.rows, ctx_.GrainFor(16 * x_.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      QuantizedRows first = RowsOf(both, t, 1), second = RowsOf(both, x_.rows + t, 1);
      ctx_.kernels.quantize_rows(x_.row(t), Sized(x_.stride), 1, &first);
      Subtract(x_.row(t), first, rest + t * x_.cols);
      ctx_.kernels.quantize_rows(rest + t * x_.cols, Sized(x_.cols), 1, &second);
    }
  });
  ctx_.arena.Release(mark);
  QuantizedRows& alone = quantized_[block == 32 ? 0 : 1];
  if (alone.q == nullptr) alone = RowsOf(both, 0, x_.rows);
  return both;
}

QuantizedRows MatmulInput::Residual(size_t block) {
  return RowsOf(WithResidual(block), x_.rows, x_.rows);
}

Bf16Rows RowsOf(const Bf16Rows& rows, int64_t first, int64_t count) {
  Bf16Rows part = rows;
  part.data += Sized(first) * rows.stride;
  part.rows = Sized(count);
  return part;
}

const Bf16Rows& MatmulInput::Rounded() {
  if (rounded_.data != nullptr) return rounded_;
  const OpScope scope(ctx_.profile, OpKind::kQuantize);
  const KernelTable& kernels = ctx_.kernels;
  const size_t padded = PaddedToBf16Blocks(Sized(x_.cols));
  const size_t stride = kernels.arrange_bf16 == nullptr ? padded : 2 * padded;
  rounded_ = {ctx_.arena.Allocate<uint16_t>(x_.rows * static_cast<int64_t>(stride)), Sized(x_.rows),
              Sized(x_.cols), stride};
  ctx_.pool.ParallelFor(x_.rows, ctx_.GrainFor(x_.cols), [&](int64_t begin, int64_t end) {
    const Bf16Rows part = RowsOf(rounded_, begin, end - begin);
    for (int64_t t = begin; t < end; ++t) {
      uint16_t* row = rounded_.data + Sized(t) * stride;
      kernels.to_cache(x_.row(t), Sized(x_.cols), DType::kBF16, row);
      std::fill(row + x_.cols, row + padded, uint16_t{0});
    }
    if (kernels.arrange_bf16 != nullptr) kernels.arrange_bf16(part);
  });
  return rounded_;
}

}  // namespace tael
