// Products per head: the same bits for rows and columns, for every type of the same values, and for
// any number of threads.
#include "ops/head_matmul.h"

#include <gtest/gtest.h>

#include <cstring>

#include "quant/encode.h"
#include "tests/support/random_floats.h"

namespace tael {
namespace {

constexpr int64_t kRows = 5, kHeads = 3, kInputs = 24, kOutputs = 96;

constexpr int64_t kGap = 2;  // rows between the weights of two heads

// Weights [heads][rows, cols] with a gap before each head.
struct Stored {
  std::vector<uint8_t> bytes;
  HeadWeights weights;
  std::vector<float> values;  // what they decode to

  Stored(DType dtype, int64_t rows, int64_t cols, bool by_columns, std::vector<float> given = {}) {
    const int64_t step = rows + kGap, all = kHeads * step;
    values = given.empty() ? RandomFloats(all * cols, 9) : std::move(given);
    const int64_t row_bytes = *StorageBytes(dtype, cols);
    bytes.resize(static_cast<size_t>(all * row_bytes));
    for (int64_t r = 0; r < all; ++r) {
      float* row = values.data() + r * cols;
      uint8_t* to = bytes.data() + r * row_bytes;
      if (dtype == DType::kF32) {
        std::memcpy(to, row, static_cast<size_t>(row_bytes));
      } else {
        EncodeRow(dtype, row, cols, to);
        DecodeRow(dtype, to, cols, row);
      }
    }
    const Weight w{
        .dtype = dtype, .n = all, .k = cols, .data = bytes.data(), .row_bytes = row_bytes};
    weights = {w, kGap, rows, step, by_columns};
  }
};

// Heads 1 and 2: a range may begin anywhere.
std::vector<float> Multiply(const HeadWeights& w, int threads) {
  const int64_t step = w.inputs() + 2, out_step = w.outputs() + 1, heads = kHeads - 1;
  const std::vector<float> x = RandomFloats(kRows * heads * step, 4);
  std::vector<float> y(static_cast<size_t>(kRows * heads * out_step), 3.0f);
  WorkerPool pool(threads);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger,
                     /*worth_a_thread=*/0};
  HeadMatmul(w, {1, static_cast<int>(heads)}, {{x.data(), kRows, heads * step, heads * step}, step},
             {{y.data(), kRows, heads * out_step, heads * out_step}, out_step}, ctx);
  return y;
}

// The same values in float32, stored by rows.
Stored AsRows(const Stored& from) {
  const HeadWeights& w = from.weights;
  const int64_t rows = w.outputs(), cols = w.inputs(), step = rows + kGap;
  std::vector<float> values(static_cast<size_t>(kHeads * step * cols));
  for (int64_t h = 0; h < kHeads; ++h) {
    const float* head = from.values.data() + (w.first_row + h * w.step) * w.all.k;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        values[static_cast<size_t>((h * step + kGap + r) * cols + c)] =
            w.by_columns ? head[c * w.all.k + r] : head[r * w.all.k + c];
      }
    }
  }
  return Stored(DType::kF32, rows, cols, false, std::move(values));
}

TEST(HeadMatmul, EveryTypeAndBothOrdersGiveTheBitsOfFloatRows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0}) {
    for (const bool by_columns : {false, true}) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << " " << by_columns);
      const Stored stored = by_columns ? Stored(dtype, kInputs, kOutputs, true)
                                       : Stored(dtype, kOutputs - 5, 2 * kInputs + 16, false);
      const Stored rows = AsRows(stored);
      const std::vector<float> wanted = Multiply(rows.weights, 1);
      for (const int threads : {1, 2, 5}) EXPECT_EQ(Multiply(stored.weights, threads), wanted);
    }
  }
}

}  // namespace
}  // namespace tael
