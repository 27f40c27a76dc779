// A few rows of the matrix at a time become code blocks (quant/packed_matrix.h), which stay in the
// caches while all activations pass. Where inputs belong to groups in any order, it is
// the activations that are brought into the order of the groups; where a group is 16 inputs, every
// block of activations is there twice.
#include "ops/packed_matmul.h"

#include <algorithm>
#include <cstring>

namespace tael {
namespace {

size_t Sized(int64_t value) { return static_cast<size_t>(value); }

// x with its columns in the order of the groups.
MatrixView<const float> Reordered(const MatrixView<const float>& x, const PackedMatrix& matrix,
                                  ComputeContext& ctx) {
  const int32_t* order = matrix.order.data();
  float* out = ctx.arena.Allocate<float>(x.rows * x.cols);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(2 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t i = 0; i < x.cols; ++i) out[r * x.cols + i] = x.row(r)[order[i]];
    }
  });
  return {out, x.rows, x.cols, x.cols};
}

// Every block twice.
QuantizedRows Doubled(const QuantizedRows& x, ComputeContext& ctx) {
  const auto blocks = static_cast<int64_t>(x.k_padded / x.block);
  const auto all = static_cast<int64_t>(x.rows) * blocks;
  QuantizedRows out = x;
  out.q = ctx.arena.Allocate<int8_t>(64 * all);
  out.scales = ctx.arena.Allocate<float>(2 * all);
  out.sums = ctx.arena.Allocate<int16_t>(4 * all);
  out.k = 2 * x.k;
  out.k_padded = 2 * x.k_padded;
  ctx.pool.ParallelFor(all, ctx.GrainFor(64), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t copy = 2 * b; copy < 2 * b + 2; ++copy) {
        std::memcpy(out.q + 32 * copy, x.q + 32 * b, 32);
        std::memcpy(out.sums + 2 * copy, x.sums + 2 * b, 2 * sizeof(int16_t));
        out.scales[copy] = x.scales[b];
      }
    }
  });
  return out;
}

// What all tiles of one product share.
struct TiledProduct {
  const PackedMatrix& matrix;
  const Weight& w;
  QuantizedRows x;
  const QuantizedRows* residual;  // nullptr: one term
  MatrixView<float> y;
  int64_t together;  // rows in a tile
  int64_t parts;
};

// Rows [begin, begin + count) of the weight. `fine`: room for y.rows x p.together.
void Tile(const TiledProduct& p, int64_t begin, int64_t count, const KernelTable& kernels,
          CodeBlock* blocks, float* fine) {
  const RowRange rows{p.w.first_row + begin * p.w.row_step, count, p.w.row_step};
  DecodeCodeBlocks(p.matrix, rows, kernels.packed, blocks);
  kernels.matmul_codes(p.x, blocks, Sized(count), p.y.data + begin, Sized(p.y.stride));
  if (p.residual == nullptr) return;
  kernels.matmul_codes(*p.residual, blocks, Sized(count), fine, Sized(p.together));
  for (int64_t r = 0; r < p.y.rows; ++r) {
    kernels.add(fine + r * p.together, Sized(count), p.y.row(r) + begin);
  }
}

void AllTiles(const TiledProduct& p, int64_t blocks, ComputeContext& ctx) {
  const int64_t n = p.w.n;
  const int64_t parts = p.parts;
  const int64_t tiles = (n + p.together - 1) / p.together;
  const int64_t tiles_per_part = (tiles + parts - 1) / parts;
  CodeBlock* scratch = ctx.arena.Allocate<CodeBlock>(parts * p.together * blocks);
  const int64_t fine_size = p.residual == nullptr ? 0 : p.y.rows * p.together;
  float* fine = ctx.arena.Allocate<float>(parts * fine_size);
  ctx.pool.ParallelFor(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      const int64_t stop = std::min(tiles, (part + 1) * tiles_per_part);
      for (int64_t tile = part * tiles_per_part; tile < stop; ++tile) {
        const int64_t begin = tile * p.together;
        Tile(p, begin, std::min(p.together, n - begin), ctx.kernels,
             scratch + part * p.together * blocks, fine + part * fine_size);
      }
    }
  });
}

}  // namespace

void PackedIntegerMatmul(const Product& product, const MatmulPlan& plan, ComputeContext& ctx) {
  const PackedMatrix& matrix = *product.w.packed;
  const CodeShape shape = CodeShapeOf(matrix);
  const bool two = product.terms == ActivationTerms::kTwo;
  MatmulInput& input = product.input;
  const Arena::Position mark = ctx.arena.Mark();
  MatmulInput own(shape.reordered ? Reordered(input.x(), matrix, ctx) : input.x(), ctx);
  MatmulInput& source = shape.reordered ? own : input;
  const auto mine = [&](const QuantizedRows& all) {
    const QuantizedRows rows = RowsOf(all, product.first_row, product.y.rows);
    return shape.halves ? Doubled(rows, ctx) : rows;
  };
  QuantizedRows residual;
  if (two) residual = mine(source.Residual(32));
  AllTiles({matrix, product.w, mine(source.Quantized(32)), two ? &residual : nullptr, product.y,
            plan.together, plan.parts},
           shape.blocks, ctx);
  ctx.arena.Release(mark);
}

}  // namespace tael
