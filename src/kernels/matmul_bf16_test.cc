// The BF16 product of every table (docs/numerics.md, 17): bit for bit against a plain loop over the
// page's words, and row by row against the product of that row alone.
#include <algorithm>

#include "kernels/bf16_trial.h"
#include "kernels/flushed_float.h"
#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

// With those whose BF16 products are emulated.
std::vector<const KernelTable*> Bf16Tables() {
  std::vector<const KernelTable*> tables;
  for (auto t = SupportedKernelTables(); *t != nullptr; ++t) tables.push_back(*t);
#if defined(__x86_64__)
  tables.push_back(&AmxEmulatedTable());
  if (AmxTrappedTable() != nullptr) tables.push_back(AmxTrappedTable());
#endif
  return tables;
}
using Bf16MatmulTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Tables, Bf16MatmulTest, testing::ValuesIn(Bf16Tables()), TableName);

struct Shape {
  size_t m, n, k;
};

uint16_t Weight(const std::vector<uint8_t>& w, size_t at) {
  uint16_t bits;
  std::memcpy(&bits, &w[2 * at], sizeof(bits));
  return bits;
}

// One output as the page has it.
float Reference(const float* x, const std::vector<uint8_t>& w, size_t row, size_t k) {
  const auto act = [&](size_t e) {
    return e < k ? FlushDenormal(Bf16ToFloat(FloatToBf16(x[e]))) : 0.0f;
  };
  const auto weight = [&](size_t e) {
    return e < k ? FlushDenormal(Bf16ToFloat(Weight(w, row * k + e))) : 0.0f;
  };
  float acc = 0;
  for (size_t b = 0; b < k; b += 32) {
    float chains[2] = {0, 0};
    for (size_t half = 0; half < 2; ++half) {
      for (size_t i = b + 16 * half; i < b + 16 * half + 16; i += 2) {
        chains[half] = FlushedFma(act(i + 1), weight(i + 1), chains[half]);
        chains[half] = FlushedFma(act(i), weight(i), chains[half]);
      }
    }
    acc = FlushedAdd(acc, FlushedAdd(chains[0], chains[1]));
  }
  return acc;
}

// Runs one product on weights that start at an odd address, with gaps between rows; checks that
// nothing outside the outputs is written.
std::vector<float> Product(const KernelTable& table, const std::vector<float>& x,
                           const std::vector<uint8_t>& w, const Shape& s) {
  const size_t row = 2 * s.k, row_bytes = row + 3, padded = PaddedToBf16Blocks(s.k);
  std::vector<uint8_t> bytes(s.n * row_bytes + 1, 0xff);
  for (size_t j = 0; j < s.n; ++j) std::copy_n(&w[j * row], row, &bytes[j * row_bytes + 1]);
  const size_t stride = table.arrange_bf16 == nullptr ? padded : 2 * padded;
  std::vector<uint16_t> rounded(s.m * stride, 0x7fff);
  const Bf16Rows rows{rounded.data(), s.m, s.k, stride};
  for (size_t i = 0; i < s.m; ++i) {
    ScalarTable().to_cache(&x[i * s.k], s.k, DType::kBF16, &rounded[i * stride]);
    std::fill_n(&rounded[i * stride] + s.k, padded - s.k, uint16_t{0});
  }
  if (table.arrange_bf16 != nullptr) table.arrange_bf16(rows);
  const size_t ldy = s.n + 2;
  std::vector<float> with_gaps(s.m * ldy, 123.0f), y;
  table.matmul_bf16(rows, bytes.data() + 1, row_bytes, s.n, with_gaps.data(), ldy);
  for (size_t i = 0; i < s.m; ++i) {
    const float* from = &with_gaps[i * ldy];
    y.insert(y.end(), from, from + s.n);
    EXPECT_EQ(from[s.n], 123.0f);
    EXPECT_EQ(from[s.n + 1], 123.0f);
  }
  return y;
}

void Check(const KernelTable& table, const std::vector<float>& x, const std::vector<uint8_t>& w,
           const Shape& s) {
  SCOPED_TRACE(testing::Message() << s.m << " " << s.n << " " << s.k);
  const std::vector<float> y = Product(table, x, w, s);
  std::vector<float> expected;
  for (size_t i = 0; i < s.m; ++i) {
    for (size_t j = 0; j < s.n; ++j) expected.push_back(Reference(&x[i * s.k], w, j, s.k));
  }
  ASSERT_EQ(FirstDifference(y, expected), -1);
  const std::vector<float> last(x.end() - static_cast<long>(s.k), x.end());
  ASSERT_EQ(
      FirstDifference(Product(table, last, w, {1, s.n, s.k}).data(), &y[(s.m - 1) * s.n], s.n), -1);
}
void CheckRandom(const KernelTable& table, const Shape& s) {
  const auto seed = static_cast<unsigned>(s.m + s.k);
  Check(table, RandomFloats(s.m * s.k, seed), Encoded(RandomFloats(s.n * s.k, 77), DType::kBF16),
        s);
}

TEST_P(Bf16MatmulTest, MatchesThePageAndSingleRowsForManyShapes) {
  for (const size_t m : {1, 2, 3, 5, 7, 9, 23, 64}) {
    for (const size_t n : {1, 15, 16, 17, 33, 50}) CheckRandom(*GetParam(), {m, n, 70});
  }
  for (size_t k = 1; k <= 67; ++k) CheckRandom(*GetParam(), {9, 5, k});
  for (const size_t k : {255, 256, 257, 289, 512, 1043}) CheckRandom(*GetParam(), {10, 49, k});
  CheckRandom(*GetParam(), {3, 100, 300});
  CheckRandom(*GetParam(), {513, 17, 33});
  CheckRandom(*GetParam(), {530, 3, 290});
}

TEST_P(Bf16MatmulTest, RowsWithoutElementsGiveZeros) {
  float y[4] = {1, 1, 1, 1};
  uint16_t none = 0;
  uint8_t w = 0;
  GetParam()->matmul_bf16({&none, 2, 0, 0}, &w, 0, 2, y, 2);
  EXPECT_EQ(FirstDifference(y, std::vector<float>(4, 0.0f).data(), 4), -1);
}

TEST_P(Bf16MatmulTest, SpecialValuesHaveTheBitsOfThePage) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Shape s{11, 18, 37};
    Check(*GetParam(), SpecialFloats(s.m * s.k, seed),
          Encoded(SpecialFloats(s.n * s.k, seed + 100), DType::kBF16), s);
  }
}

// Sums that come and go below 2^-126.
TEST_P(Bf16MatmulTest, DenormalsAreZeroEverywhere) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Shape s{10, 19, 70};
    std::mt19937 rng(seed);
    const auto tiny = [&](size_t n) {
      std::vector<float> v = RandomFloats(n, seed + static_cast<unsigned>(n));
      for (float& f : v) f = std::ldexp(f, -66 + static_cast<int>(rng() % 12));
      return v;
    };
    std::vector<float> x = tiny(s.m * s.k), w = tiny(s.n * s.k);
    for (size_t i = 0; i < x.size(); i += 7) x[i] = std::ldexp(x[i], -70);
    for (size_t i = 0; i < w.size(); i += 5) w[i] = std::ldexp(w[i], -70);
    Check(*GetParam(), x, Encoded(w, DType::kBF16), s);
  }
}

// Where a denormal, being coarser, rounds up to the least normal number and 24 bits do not: what
// comes out is a zero only in the second case.
TEST_P(Bf16MatmulTest, TheLeastNormalNumberIsToldFromWhatRoundsToIt) {
  for (const float part : {0.25f, 0.5f, 0.625f, 0.75f, 1.0f, 1.5f, 2.0f}) {
    // 2^-126 - part * 2^-150: the odd element is added first.
    const std::vector<float> x = {-part * 0x1p-75f, 0x1p-63f};
    const std::vector<uint8_t> w = Encoded({0x1p-75f, 0x1p-63f}, DType::kBF16);
    const std::vector<float> y = Product(*GetParam(), x, w, {1, 1, 2});
    EXPECT_EQ(y[0], part <= 0.5f ? 0x1p-126f : 0.0f) << part;
  }
}

TEST_P(Bf16MatmulTest, TheTrialAcceptsEveryTable) {
  EXPECT_TRUE(Bf16ProductAgrees(GetParam()->matmul_bf16, GetParam()->arrange_bf16));
}

// One output is a little off.
void ForgetfulProduct(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                      size_t ldy) noexcept {
  ScalarTable().matmul_bf16(x, w, row_bytes, n, y, ldy);
  y[0] += 0x1p-20f * y[0];
}
// Denormal sums are kept.
void KeepingProduct(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                    size_t ldy) noexcept {
  for (size_t i = 0; i < x.rows; ++i) {
    for (size_t j = 0; j < n; ++j) {
      float acc = 0;
      for (size_t b = 0; b < x.k_padded(); b += 32) {
        float chains[2] = {0, 0};
        for (size_t e = 0; e < 32; ++e) {
          const size_t at = b + (e ^ 1);
          uint16_t bits = 0;
          if (at < x.k) std::memcpy(&bits, w + j * row_bytes + 2 * at, sizeof(bits));
          float& chain = chains[e / 16];
          chain = __builtin_fmaf(Bf16ToFloat(x.data[i * x.stride + at]), Bf16ToFloat(bits), chain);
        }
        acc += chains[0] + chains[1];
      }
      y[i * ldy + j] = acc;
    }
  }
}

TEST(Bf16TrialTest, FindsOtherArithmetic) {
  EXPECT_TRUE(Bf16ProductAgrees(ScalarTable().matmul_bf16, nullptr));
  EXPECT_FALSE(Bf16ProductAgrees(ForgetfulProduct, nullptr));
  EXPECT_FALSE(Bf16ProductAgrees(KeepingProduct, nullptr));
}

}  // namespace
}  // namespace tael
