#include "ops/matmul.h"

#include <algorithm>

#include "base/error.h"
#include "ops/activation_observer.h"
#include "ops/adapt.h"
#include "ops/decode_rows.h"
#include "ops/interleaved_weights.h"
#include "ops/packed_matmul.h"
#include "ops/profile.h"
#include "quant/integer_form.h"

namespace tael {
namespace {

size_t Sized(int64_t value) { return static_cast<size_t>(value); }

void PlainFloatMatmul(const MatrixView<const float>& x, const Weight& w, const MatmulPlan& plan,
                      MatrixView<float> y, ComputeContext& ctx) {
  ctx.pool.ParallelFor(w.n, plan.grain, [&](int64_t begin, int64_t end) {
    ctx.kernels.matmul_float(x.data, Sized(x.stride), Sized(x.rows), w.dtype, w.row(begin),
                             Sized(w.row_bytes), Sized(end - begin), Sized(w.k), y.data + begin,
                             Sized(y.stride));
  });
}

// A weight of blocks, its strips (null: none) and how both are read.
struct BlockWeight {
  const Weight& w;
  const uint8_t* strips;
  const MatmulPlan& plan;
};

void IntegerMatmul(const QuantizedRows& x, const BlockWeight& weight, MatrixView<float> y,
                   ComputeContext& ctx) {
  const Weight& w = weight.w;
  ctx.pool.ParallelFor(w.n, weight.plan.grain, [&](int64_t begin, int64_t end) {
    const int64_t middle = std::clamp(weight.plan.strip_rows, begin, end);
    if (begin < middle) {
      ctx.kernels.matmul_interleaved(x, w.dtype, weight.strips + begin * w.row_bytes,
                                     Sized(w.row_bytes), Sized(middle - begin), y.data + begin,
                                     Sized(y.stride));
    }
    if (middle < end) {
      ctx.kernels.matmul_integer(x, w.dtype, w.row(middle), Sized(w.row_bytes), Sized(end - middle),
                                 y.data + middle, Sized(y.stride));
    }
  });
}

// y += the product of the residual; adding comes last, so the order is the same for any split.
void AddResidualProduct(const QuantizedRows& residual, const BlockWeight& weight,
                        MatrixView<float> y, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const int64_t n = weight.w.n;
  const MatrixView<float> fine{ctx.arena.Allocate<float>(y.rows * n), y.rows, n, n};
  IntegerMatmul(residual, weight, fine, ctx);
  ctx.pool.ParallelFor(y.rows, ctx.GrainFor(n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) ctx.kernels.add(fine.row(r), Sized(n), y.row(r));
  });
  ctx.arena.Release(mark);
}

// Few rows times float8: no value is written to memory.
void Float8Matmul(const MatrixView<const float>& x, const Weight& w, const MatmulPlan& plan,
                  MatrixView<float> y, ComputeContext& ctx) {
  const auto& codes = std::get<ByteCodes>(w.packed->codes);
  ctx.pool.ParallelFor(w.n, plan.grain, [&](int64_t begin, int64_t end) {
    const RowRange rows{w.first_row + begin * w.row_step, end - begin, w.row_step};
    ctx.kernels.matmul_float8(x.data, Sized(x.stride), Sized(x.rows), codes, rows, Sized(w.k),
                              y.data + begin, Sized(y.stride));
  });
}

// Decodes a few rows at a time to float32 and multiplies those.
void DecodedMatmul(const MatrixView<const float>& x, const Weight& w, const MatmulPlan& plan,
                   MatrixView<float> y, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const int64_t together = plan.together, parts = plan.parts;
  const int64_t part_size = plan.scratch_rows * w.k;
  float* scratch = ctx.arena.Allocate<float>(parts * part_size);
  const int64_t tiles = (w.n + together - 1) / together;
  const int64_t tiles_per_part = (tiles + parts - 1) / parts;
  ctx.pool.ParallelFor(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      float* rows = scratch + part * part_size;
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
  const OpScope scope(ctx_.profile, OpKind::kQuantize);
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

void Matmul(MatmulInput& input, const Weight& w, MatrixView<float> y, ComputeContext& ctx,
            ActivationTerms terms) {
  TAEL_DCHECK(input.x().cols == w.k && y.cols == w.n && y.rows == input.x().rows);
  if (y.rows == 0) return;  // a step in the middle of prompts asks for no logits
  const uint8_t* strips = ctx.interleaved == nullptr ? nullptr : ctx.interleaved->Find(w);
  const MatmulPlan plan = PlanMatmul(w, y.rows,
                                     {.threads = ctx.pool.size(),
                                      .worth_a_thread = ctx.worth_a_thread,
                                      .integer_matmul = ctx.integer_matmul,
                                      .strips = strips != nullptr});
  switch (plan.source) {
    case WeightSource::kRows:
    case WeightSource::kStrips:
      if (plan.form == MatmulForm::kFloat) {
        PlainFloatMatmul(input.x(), w, plan, y, ctx);
        break;
      }
      IntegerMatmul(input.Quantized(plan.activation_block), {w, strips, plan}, y, ctx);
      if (terms == ActivationTerms::kTwo) {
        AddResidualProduct(input.Residual(plan.activation_block), {w, strips, plan}, y, ctx);
      }
      break;
    case WeightSource::kRegisters:
      Float8Matmul(input.x(), w, plan, y, ctx);
      break;
    case WeightSource::kDecoded:
      DecodedMatmul(input.x(), w, plan, y, ctx);
      break;
    case WeightSource::kCodes:
      PackedIntegerMatmul(input, w, plan, y, ctx, terms);
      break;
  }
  if (ctx.adapters != nullptr) AdaptProduct(input.x(), w, y, ctx);
  if (ctx.observer != nullptr) ctx.observer->See(w, input.x(), ctx);
}

void AddBias(const std::vector<float>& bias, MatrixView<float> y, ComputeContext& ctx) {
  if (bias.empty()) return;
  const OpScope scope(ctx.profile, OpKind::kElementwise);
  ctx.pool.ParallelFor(y.rows, ctx.GrainFor(y.cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) ctx.kernels.add(bias.data(), bias.size(), y.row(r));
  });
}

}  // namespace tael
