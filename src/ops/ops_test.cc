// Operations over threads and batches: the result must not depend on how the work is cut.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "quant/encode.h"
#include "tests/support/random_floats.h"

namespace tael {
namespace {

// Tiny shapes, too, are cut into as many parts as there are threads.
constexpr int64_t kAlwaysSplit = 0;

// y = x w^T for random x [m, k] and a random weight [n, k] of `dtype`.
std::vector<float> RandomMatmul(DType dtype, int64_t m, int64_t n, int64_t k, int threads,
                                bool integer, int64_t rows = -1) {
  const std::vector<float> x = RandomFloats(m * k, 1), values = RandomFloats(n * k, 2);
  const int64_t row_bytes = *StorageBytes(dtype, k);
  std::vector<uint8_t> bytes(static_cast<size_t>(n * row_bytes));
  for (int64_t r = 0; r < n; ++r) {
    const float* row = &values[static_cast<size_t>(r * k)];
    uint8_t* out = &bytes[static_cast<size_t>(r * row_bytes)];
    if (dtype == DType::kF32) {
      std::memcpy(out, row, static_cast<size_t>(row_bytes));
    } else {
      EncodeRow(dtype, row, k, out);
    }
  }
  const Weight w{.dtype = dtype, .n = n, .k = k, .data = bytes.data(), .row_bytes = row_bytes};
  WorkerPool pool(threads);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena,
                     integer ? MatmulMode::kInteger : MatmulMode::kFloat, kAlwaysSplit};
  if (rows < 0) rows = m;
  std::vector<float> y(static_cast<size_t>(rows * n));
  MatmulInput input({x.data(), rows, k, k}, ctx);
  Matmul(input, w, {y.data(), rows, n, n}, ctx);
  return y;
}

class MatmulTest : public testing::TestWithParam<DType> {};

TEST_P(MatmulTest, IsTheSameForAnyNumberOfThreadsAndRows) {
  for (const bool integer : {false, true}) {
    const std::vector<float> all = RandomMatmul(GetParam(), 7, 37, 256, 1, integer);
    for (int threads : {2, 3, 4}) {
      const std::vector<float> again = RandomMatmul(GetParam(), 7, 37, 256, threads, integer);
      EXPECT_EQ(std::memcmp(all.data(), again.data(), all.size() * sizeof(float)), 0);
    }
    const std::vector<float> one = RandomMatmul(GetParam(), 7, 37, 256, 2, integer, 1);
    EXPECT_EQ(std::memcmp(all.data(), one.data(), one.size() * sizeof(float)), 0);
  }
}

// Rows of a weight between other rows, and a weight stored transposed between other columns: as
// gate and up of some experts are.
TEST(MatmulOfStridedWeights, HasTheBitsOfTheSameMatrixStoredPlainly) {
  constexpr int64_t kRows = 5, kOut = 37, kIn = 83;
  const std::vector<float> x = RandomFloats(kRows * kIn, 1), values = RandomFloats(kOut * kIn, 2);
  std::vector<uint16_t> plain(values.size()), between(2 * values.size()), columns(between.size());
  EncodeRow(DType::kBF16, values.data(), kOut * kIn, reinterpret_cast<uint8_t*>(plain.data()));
  for (int64_t r = 0; r < kOut; ++r) {
    for (int64_t i = 0; i < kIn; ++i) {
      const uint16_t value = plain[static_cast<size_t>(r * kIn + i)];
      between[static_cast<size_t>((2 * r + 1) * kIn + i)] = value;
      columns[static_cast<size_t>(i * 2 * kOut + 2 * r + 1)] = value;
    }
  }
  const auto product = [&](const uint16_t* data, int64_t row_bytes, int64_t element_bytes) {
    const Weight w{.dtype = DType::kBF16,
                   .n = kOut,
                   .k = kIn,
                   .data = reinterpret_cast<const uint8_t*>(data),
                   .row_bytes = row_bytes,
                   .element_bytes = element_bytes};
    EXPECT_EQ(w.bytes(), kOut * kIn * 2);
    WorkerPool pool(3);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, kAlwaysSplit};
    std::vector<float> y(static_cast<size_t>(kRows * kOut));
    MatmulInput input({x.data(), kRows, kIn, kIn}, ctx);
    Matmul(input, w, {y.data(), kRows, kOut, kOut}, ctx);
    return y;
  };
  const std::vector<float> expected = product(plain.data(), 2 * kIn, 0);
  EXPECT_EQ(product(between.data() + kIn, 4 * kIn, 0), expected);
  EXPECT_EQ(product(columns.data() + 1, 4, 4 * kOut), expected);
}

TEST_P(MatmulTest, IntegerPathIsCloseToTheFloatPath) {
  const std::vector<float> exact = RandomMatmul(GetParam(), 3, 19, 512, 2, false);
  const std::vector<float> integer = RandomMatmul(GetParam(), 3, 19, 512, 2, true);
  double error = 0, norm = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(static_cast<double>(exact[i] - integer[i]), 2);
    norm += std::pow(static_cast<double>(exact[i]), 2);
  }
  EXPECT_LT(error, 5e-4 * norm);  // rounding to 8 bits: about (1 / 127)^2 / 12 * 4
}

INSTANTIATE_TEST_SUITE_P(Formats, MatmulTest,
                         testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kQ4_0,
                                         DType::kQ4_1, DType::kQ5_0, DType::kQ8_0, DType::kMXFP4,
                                         DType::kTQ2_0));

// Divisors computed in double precision for n = 128, theta 5e5, original context 8192, factor 8.
TEST(Rope, BandScalingHasItsThreeBands) {
  const RopeSpec plain{.rotary_dim = 128, .theta = 5e5};
  RopeSpec scaled = plain;
  scaled.scaling = RopeScalingKind::kFrequencyBands;
  scaled.factor = 8;
  scaled.original_context = 8192;
  const RopeFrequencies a = ComputeRopeFrequencies(plain), b = ComputeRopeFrequencies(scaled);
  const auto divisor = [&](size_t i) { return a.inverse[i] / b.inverse[i]; };
  EXPECT_NEAR(divisor(28), 1.0f, 1e-6f);
  EXPECT_NEAR(divisor(29), 1.207484f, 2e-6f);
  EXPECT_NEAR(divisor(34), 5.257327f, 1e-5f);
  EXPECT_NEAR(divisor(35), 8.0f, 1e-5f);
}

TEST(Rope, WithoutPairsThereAreNoFrequencies) {
  EXPECT_TRUE(ComputeRopeFrequencies({.pairing = RopePairing::kNone}).inverse.empty());
}

// Computed in double precision for theta 1e6, n = 128, factor 4, original context 32768.
TEST(Rope, YarnBlendsBetweenItsCorrectionDimensions) {
  const RopeSpec spec{.rotary_dim = 128,
                      .theta = 1e6,
                      .scaling = RopeScalingKind::kYarn,
                      .factor = 4,
                      .original_context = 32768};
  const RopeFrequencies f = ComputeRopeFrequencies(spec);
  EXPECT_NEAR(f.inverse[16], 3.16227766e-2f, 8e-9f);
  EXPECT_NEAR(f.inverse[24], 5.37532149e-3f, 2e-9f);
  EXPECT_NEAR(f.inverse[36], 1.79841156e-4f, 1e-10f);
  EXPECT_NEAR(f.inverse[63], 3.10234440e-7f, 1e-13f);
}

// One sequence of `count` random tokens in one layer, evaluated in two batches cut at `cut`.
std::vector<float> ChunkedAttention(int cut, DType dtype, int window) {
  constexpr int kCount = 150, kHeads = 4, kKvHeads = 2;
  const int dim = dtype == DType::kQ8_0 ? 96 : 24;
  const std::vector<float> q = RandomFloats(kCount * kHeads * dim, 3);
  const std::vector<float> k = RandomFloats(kCount * kKvHeads * dim, 4);
  const std::vector<float> v = RandomFloats(kCount * kKvHeads * dim, 5);
  WorkerPool pool(3);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, kAlwaysSplit};
  KvCache cache({{kKvHeads, dim}}, dtype, 4);
  std::vector<float> out(q.size());
  const AttentionShape shape{.num_heads = kHeads,
                             .num_kv_heads = kKvHeads,
                             .head_dim = dim,
                             .value_dim = dim,
                             .window = window,
                             .scale = 0.2f};
  for (const auto& [begin, end] : {std::pair(0, cut), std::pair(cut, kCount)}) {
    Batch batch;
    batch.tokens.resize(static_cast<size_t>(end - begin));
    batch.sequences.push_back({0, end - begin, begin, {2, 0, 3}});  // blocks in any order
    const auto rows = [&](const std::vector<float>& x, int width) {
      return MatrixView<const float>{&x[static_cast<size_t>(begin * width)], end - begin, width,
                                     width};
    };
    StoreKeysAndValues(batch, 0, rows(k, kKvHeads * dim), rows(v, kKvHeads * dim), cache, ctx);
    Attention(
        shape, batch, 0, rows(q, kHeads * dim), cache,
        {&out[static_cast<size_t>(begin * kHeads * dim)], end - begin, kHeads * dim, kHeads * dim},
        ctx);
  }
  return out;
}

TEST(Attention, GivesTheSameBitsWhereverThePromptIsCut) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const int window : {0, 1, 24, 100}) {
      const std::vector<float> whole = ChunkedAttention(149, dtype, window);
      for (const int cut : {1, 63, 64, 65, 128}) {
        const std::vector<float> parts = ChunkedAttention(cut, dtype, window);
        EXPECT_EQ(std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(float)), 0);
      }
    }
  }
}

TEST(RmsNorm, NormalisesEveryHeadByItself) {
  WorkerPool pool(2);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, kAlwaysSplit};
  std::vector<float> x = {3, 4, 30, 40}, y = {3, 4};
  RmsNormHeads({1, 2}, 0.0f, {x.data(), 1, 4, 4}, ctx);
  EXPECT_FLOAT_EQ(x[0], 3 / std::sqrt(12.5f));
  EXPECT_FLOAT_EQ(x[3], 2 * 40 / std::sqrt(1250.0f));
}

}  // namespace
}  // namespace tael
