#include "ops/adapt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "ops/embedding.h"
#include "ops/matmul.h"

namespace tael {
namespace {

constexpr int64_t kN = 37, kK = 53, kRows = 9, kRank = 5;

std::vector<float> Noise(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  uint32_t state = seed * 2654435761u + 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state >> 8) % 2001 - 1000) / 1000.0f;
  }
  return values;
}

Weight FloatWeight(const std::vector<float>& values, int64_t n, int64_t k) {
  return {.dtype = DType::kF32,
          .n = n,
          .k = k,
          .data = reinterpret_cast<const uint8_t*>(values.data()),
          .row_bytes = k * static_cast<int64_t>(sizeof(float))};
}

class AdaptTest : public testing::Test {
 protected:
  AdaptTest() {
    for (uint32_t i = 0; i < 2; ++i) {
      adapters_[i].products[KeyOf(w_)] = LowRankChange{.rank = kRank + i,
                                                       .a = Noise((kRank + i) * kK, 10 + i),
                                                       .b = Noise(kN * (kRank + i), 20 + i),
                                                       .scale = 0.5f + static_cast<float>(i)};
    }
  }

  std::vector<float> Product(const AdapterRows& rows, const KernelTable& kernels, int threads = 1) {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, kernels, arena};
    ctx.worth_a_thread = 0;
    std::vector<float> y(kRows * kN);
    const AdapterScope scope(ctx, rows);
    MatmulInput input({x_.data(), kRows, kK, kK}, ctx);
    Matmul(input, w_, {y.data(), kRows, kN, kN}, ctx);
    return y;
  }

  // y of one row in double.
  std::vector<double> Reference(int64_t row, const std::vector<AdapterUse>& uses) const {
    const float* x = x_.data() + row * kK;
    std::vector<double> y(kN);
    for (int64_t n = 0; n < kN; ++n) {
      for (int64_t k = 0; k < kK; ++k) y[n] += double{x[k]} * weights_[n * kK + k];
    }
    for (const AdapterUse& use : uses) {
      const LowRankChange& c = *use.adapter->Find(w_);
      for (int64_t n = 0; n < kN; ++n) {
        double delta = 0;
        for (int64_t r = 0; r < c.rank; ++r) {
          double u = 0;
          for (int64_t k = 0; k < kK; ++k) u += double{x[k]} * c.a[r * kK + k];
          delta += u * c.b[n * c.rank + r];
        }
        y[n] += double{c.scale} * use.weight * delta;
        if (!c.gains.empty()) y[n] *= c.gains[n];
      }
    }
    return y;
  }

  void ExpectRow(const std::vector<float>& y, int64_t row, const std::vector<AdapterUse>& uses) {
    const std::vector<double> want = Reference(row, uses);
    for (int64_t n = 0; n < kN; ++n) {
      EXPECT_NEAR(y[row * kN + n], want[n], 1e-4 * (1 + std::fabs(want[n]))) << row << " " << n;
    }
  }

  const std::vector<float> weights_ = Noise(kN * kK, 1), x_ = Noise(kRows * kK, 2);
  const Weight w_ = FloatWeight(weights_, kN, kK);
  Adapter adapters_[2];
};

const KernelTable& Scalar() { return *SupportedKernelTables()[0]; }

TEST_F(AdaptTest, EachRowGetsItsOwnAdaptersAndTheOthersNone) {
  const std::vector<AdapterUse> first = {{&adapters_[0]}};
  const std::vector<AdapterUse> both = {{&adapters_[1], 0.75f}, {&adapters_[0], -2.0f}};
  const std::vector<float> y = Product({{first, both}, {{0, 3, 8}, {2, 4}}}, Scalar());
  for (const int64_t row : {0, 3, 8}) ExpectRow(y, row, first);
  for (const int64_t row : {2, 4}) ExpectRow(y, row, both);
  const std::vector<float> plain = Product({}, Scalar());
  for (const int64_t row : {1, 5, 6, 7}) {
    EXPECT_EQ(std::memcmp(&y[row * kN], &plain[row * kN], kN * sizeof(float)), 0) << row;
  }
}

TEST_F(AdaptTest, ARowHasTheSameBitsInAnyCompanyOnAnyTableAndThreads) {
  const std::vector<AdapterUse> first = {{&adapters_[0]}}, second = {{&adapters_[1]}};
  const std::vector<float> alone = Product({{first}, {{3}}}, Scalar());
  for (const KernelTable* const* table = SupportedKernelTables(); *table != nullptr; ++table) {
    for (const int threads : {1, 3}) {
      const std::vector<float> mixed =
          Product({{second, first}, {{0, 1, 5}, {2, 3, 4, 8}}}, **table, threads);
      EXPECT_EQ(std::memcmp(&mixed[3 * kN], &alone[3 * kN], kN * sizeof(float)), 0)
          << (*table)->name;
    }
  }
}

TEST_F(AdaptTest, GainsScaleTheWholeRow) {
  adapters_[0].products[KeyOf(w_)].gains = Noise(kN, 5);
  const std::vector<AdapterUse> uses = {{&adapters_[0]}};
  const std::vector<float> y = Product({{uses}, {{1, 2}}}, Scalar());
  for (const int64_t row : {1, 2}) ExpectRow(y, row, uses);
  EXPECT_FALSE(adapters_[0].IsSum());
}

TEST_F(AdaptTest, AReplacementStandsForTheMatrix) {
  const std::vector<float> other = Noise(kN * kK, 6);
  adapters_[0].products[KeyOf(w_)] = LowRankChange{.replacement = FloatWeight(other, kN, kK)};
  const std::vector<float> y = Product({{{{&adapters_[0]}}}, {{4}}}, Scalar());
  for (int64_t n = 0; n < kN; ++n) {
    double want = 0;
    for (int64_t k = 0; k < kK; ++k) want += double{x_[4 * kK + k]} * other[n * kK + k];
    EXPECT_NEAR(y[4 * kN + n], want, 1e-4);
  }
}

TEST_F(AdaptTest, AnEmptyMatrixHasNoChange) {
  adapters_[0].products[MatrixKey()] = LowRankChange{.rank = kRank};
  EXPECT_EQ(adapters_[0].Find(Weight{.n = kN, .k = kK}), nullptr);
}

TEST_F(AdaptTest, PartsOfAPackedMatrixAreToldApartByTheirFirstRow) {
  const auto packed = std::make_shared<const PackedMatrix>();
  Weight q{.n = 4, .k = 8}, k = q;
  q.packed = k.packed = packed;
  k.first_row = 4;
  adapters_[0].products[KeyOf(k)] = LowRankChange{.rank = kRank};
  EXPECT_EQ(adapters_[0].Find(q), nullptr);
  EXPECT_NE(adapters_[0].Find(k), nullptr);
}

TEST_F(AdaptTest, PickedRowsKeepTheirAdapters) {
  WorkerPool pool(1);
  Arena arena;
  ComputeContext ctx{pool, Scalar(), arena};
  const AdapterScope step(ctx, {{{{&adapters_[0]}}, {{&adapters_[1]}}}, {{0, 4}, {1, 7}}});
  const int32_t picked[] = {4, 5, 7, 1};
  {
    const AdapterScope scope(ctx, picked, 4);
    EXPECT_EQ(ctx.adapters->rows[0], (std::vector<int32_t>{0}));
    EXPECT_EQ(ctx.adapters->rows[1], (std::vector<int32_t>{2, 3}));
  }
  EXPECT_EQ(ctx.adapters->rows[0], (std::vector<int32_t>{0, 4}));
}

TEST_F(AdaptTest, AnEmbeddingGetsTheSumTimesItsScale) {
  constexpr int64_t kVocabulary = 11;
  const std::vector<float> table = Noise(kVocabulary * kN, 7);
  adapters_[0].embedding = LowRankChange{
      .rank = kRank, .a = Noise(kVocabulary * kRank, 8), .b = Noise(kN * kRank, 9), .scale = 0.25f};
  WorkerPool pool(2);
  Arena arena;
  ComputeContext ctx{pool, Scalar(), arena};
  std::vector<float> out(3 * kN);
  const AdapterScope scope(ctx, {{{{&adapters_[0], 2.0f}}}, {{0, 2}}});
  EmbeddingLookup(FloatWeight(table, kVocabulary, kN), {10, 3, 3}, 1.5f, {out.data(), 3, kN, kN},
                  ctx);
  const LowRankChange& change = *adapters_[0].embedding;
  for (int64_t t = 0; t < 3; ++t) {
    const int64_t token = t == 0 ? 10 : 3;
    for (int64_t n = 0; n < kN; ++n) {
      double want = table[token * kN + n];
      for (int64_t r = 0; r < kRank && t != 1; ++r) {
        want += 0.5 * change.a[token * kRank + r] * change.b[n * kRank + r];
      }
      EXPECT_NEAR(out[t * kN + n], 1.5 * want, 1e-5);
    }
  }
}

}  // namespace
}  // namespace tael
