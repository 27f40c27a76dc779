// Products per head: the same bits for rows and columns, for every type of the same values, and for
// any number of threads.
#include "ops/head_matmul.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "quant/encode.h"

namespace tael {
namespace {

constexpr int64_t kRows = 5, kHeads = 3, kInputs = 24, kOutputs = 96;

std::vector<float> RandomFloats(int64_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<float> out(static_cast<size_t>(n));
  for (float& v : out) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;
  return out;
}

// Weights [heads][rows, cols] with a gap behind each head.
struct Stored {
  std::vector<uint8_t> bytes;
  HeadWeights weights;
  std::vector<float> values;  // what they decode to

  Stored(DType dtype, int64_t rows, int64_t cols, bool by_columns) {
    values = RandomFloats(kHeads * rows * cols, 9);
    const int64_t row_bytes = *StorageBytes(dtype, cols), distance = rows * row_bytes + 7;
    bytes.resize(static_cast<size_t>(kHeads * distance));
    for (int64_t r = 0; r < kHeads * rows; ++r) {
      float* row = values.data() + r * cols;
      uint8_t* to = bytes.data() + r / rows * distance + r % rows * row_bytes;
      if (dtype == DType::kF32) {
        std::memcpy(to, row, static_cast<size_t>(row_bytes));
      } else {
        EncodeRow(dtype, row, cols, to);
        DecodeRow(dtype, to, cols, row);
      }
    }
    const Weight first{
        .dtype = dtype, .n = rows, .k = cols, .data = bytes.data(), .row_bytes = row_bytes};
    weights = {first, distance, by_columns};
  }
};

// Head 0 is left out: a range may begin anywhere.
std::vector<float> Run(const HeadWeights& w, int threads) {
  const int64_t step = w.inputs() + 2, out_step = w.outputs() + 1, heads = kHeads - 1;
  const std::vector<float> x = RandomFloats(kRows * heads * step, 4);
  std::vector<float> y(static_cast<size_t>(kRows * heads * out_step), 3.0f);
  WorkerPool pool(threads);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, /*integer_matmul=*/true,
                     /*worth_a_thread=*/0};
  HeadMatmul(w, {1, static_cast<int>(heads)}, {{x.data(), kRows, heads * step, heads * step}, step},
             {{y.data(), kRows, heads * out_step, heads * out_step}, out_step}, ctx);
  return y;
}

// The same values in float32, stored by rows.
Stored AsRows(const Stored& from) {
  const Weight& w = from.weights.first;
  const bool turn = from.weights.by_columns;
  const int64_t rows = turn ? w.k : w.n, cols = turn ? w.n : w.k;
  Stored out(DType::kF32, rows, cols, false);
  for (int64_t h = 0; h < kHeads; ++h) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        const int64_t at = turn ? c * w.k + r : r * w.k + c;
        const float value = from.values[static_cast<size_t>(h * rows * cols + at)];
        std::memcpy(out.bytes.data() + h * out.weights.distance + (r * cols + c) * 4, &value, 4);
      }
    }
  }
  out.weights.first.data = out.bytes.data();
  return out;
}

TEST(HeadMatmul, EveryTypeAndBothOrdersGiveTheBitsOfFloatRows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0}) {
    for (const bool by_columns : {false, true}) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << " " << by_columns);
      const Stored stored = by_columns ? Stored(dtype, kInputs, kOutputs, true)
                                       : Stored(dtype, kOutputs - 5, 2 * kInputs + 16, false);
      const Stored rows = AsRows(stored);
      const std::vector<float> wanted = Run(rows.weights, 1);
      for (const int threads : {1, 2, 5}) EXPECT_EQ(Run(stored.weights, threads), wanted);
    }
  }
}

}  // namespace
}  // namespace tael
