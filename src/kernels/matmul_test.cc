// Matrix products of every table: against double references, bit for bit against scalar, and row by
// row against the product of that row alone.
#include <algorithm>

#include "kernels/kernel_test_support.h"
#include "quant/interleave.h"

namespace tael {
namespace {

using FloatMatmulTest = KernelTest;
TAEL_FOR_ALL_TABLES(FloatMatmulTest);

struct Shape {
  size_t m, n, k;
};

// Runs one product on weights that start at an odd address, with gaps between rows; checks that
// nothing outside the outputs is written.
std::vector<float> FloatProduct(const KernelTable& table, const std::vector<float>& x,
                                const std::vector<uint8_t>& w, DType dtype, const Shape& s) {
  const size_t row = s.k * (dtype == DType::kF32 ? 4 : 2), stride = row + 3;
  std::vector<uint8_t> bytes(s.n * stride + 1);
  for (size_t j = 0; j < s.n; ++j) {
    std::copy_n(w.begin() + static_cast<long>(j * row), row,
                bytes.begin() + static_cast<long>(j * stride + 1));
  }
  const size_t ldy = s.n + 2;
  std::vector<float> padded(s.m * ldy, 123.0f), y;
  table.matmul_float(x.data(), s.k, s.m, dtype, bytes.data() + 1, stride, s.n, s.k, padded.data(),
                     ldy);
  for (size_t i = 0; i < s.m; ++i) {
    y.insert(y.end(), padded.begin() + static_cast<long>(i * ldy),
             padded.begin() + static_cast<long>(i * ldy + s.n));
    EXPECT_EQ(padded[i * ldy + s.n], 123.0f);
    EXPECT_EQ(padded[i * ldy + s.n + 1], 123.0f);
  }
  return y;
}

void CheckFloatProduct(const KernelTable& table, DType dtype, const Shape& s) {
  SCOPED_TRACE(testing::Message() << Name(dtype) << " " << s.m << " " << s.n << " " << s.k);
  const std::vector<float> x = RandomFloats(s.m * s.k, static_cast<unsigned>(s.k));
  const std::vector<uint8_t> w = Encoded(RandomFloats(s.n * s.k, 77), dtype);
  const std::vector<float> y = FloatProduct(table, x, w, dtype, s);
  ASSERT_EQ(FirstDifference(y, FloatProduct(ScalarTable(), x, w, dtype, s)), -1);
  const size_t element = dtype == DType::kF32 ? 4 : 2;
  for (size_t i = 0; i < s.m; ++i) {
    for (size_t j = 0; j < s.n; ++j) {
      double sum = 0, magnitude = 0;
      for (size_t p = 0; p < s.k; ++p) {
        const double term = x[i * s.k + p] * DecodedElement(w.data() + j * s.k * element, p, dtype);
        sum += term;
        magnitude += std::fabs(term);
      }
      // k / 16 fused steps per lane and 4 tree steps, each below 2^-24 of the partial sums.
      const double bound = (static_cast<double>(s.k) / 16 + 5) * 0x1p-24 * magnitude + 1e-40;
      ASSERT_NEAR(y[i * s.n + j], sum, bound) << i << " " << j;
    }
  }
  const std::vector<float> last(x.end() - static_cast<long>(s.k), x.end());
  const std::vector<float> alone = FloatProduct(table, last, w, dtype, {1, s.n, s.k});
  ASSERT_EQ(FirstDifference(alone.data(), &y[(s.m - 1) * s.n], s.n), -1);
}

TEST_P(FloatMatmulTest, MatchesReferenceScalarAndSingleRowsForManyShapes) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (size_t k = 1; k <= 67; ++k) CheckFloatProduct(*GetParam(), dtype, {2, 3, k});
    for (const size_t m : {1, 2, 3, 5, 7, 9, 23}) {
      for (const size_t n : {1, 2, 3, 5, 8, 9, 17})
        CheckFloatProduct(*GetParam(), dtype, {m, n, 50});
    }
    for (const size_t k : {96, 172, 256, 576}) CheckFloatProduct(*GetParam(), dtype, {4, 9, k});
    CheckFloatProduct(*GetParam(), dtype, {64, 64, 33});
    CheckFloatProduct(*GetParam(), dtype, {513, 3, 17});
    CheckFloatProduct(*GetParam(), dtype, {3, 11, 1601});
    // Blocks of the large products: more than one in every direction, none of them full.
    for (const size_t n : {4, 16, 49, 101}) CheckFloatProduct(*GetParam(), dtype, {53, n, 40});
    for (const size_t k : {513, 1024, 2063}) CheckFloatProduct(*GetParam(), dtype, {7, 6, k});
    CheckFloatProduct(*GetParam(), dtype, {49, 50, 1043});
    // Many rows and short sums: strips of columns, and outputs that fill none.
    for (const size_t k : {16, 128, 256, 272}) CheckFloatProduct(*GetParam(), dtype, {65, 50, k});
    for (const size_t n : {15, 32, 64}) CheckFloatProduct(*GetParam(), dtype, {70, n, 48});
  }
}

TEST_P(FloatMatmulTest, SpecialValuesHaveTheBitsOfScalar) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (unsigned seed = 0; seed < 40; ++seed) {
      const Shape s{7, 6, 5};
      const std::vector<float> x = SpecialFloats(s.m * s.k, seed);
      const std::vector<uint8_t> w = Encoded(SpecialFloats(s.n * s.k, seed + 100), dtype);
      ASSERT_EQ(FirstDifference(FloatProduct(*GetParam(), x, w, dtype, s),
                                FloatProduct(ScalarTable(), x, w, dtype, s)),
                -1);
    }
  }
}

// Denormals and infinities included, which random weights hardly ever hit.
TEST_P(FloatMatmulTest, DecodesEveryPatternOfTheSixteenBitTypesExactly) {
  constexpr size_t kPatterns = 1 << 16;
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    std::vector<uint16_t> patterns(kPatterns);
    std::vector<uint8_t> w(2 * kPatterns);
    std::vector<float> expected(kPatterns), y(kPatterns);
    for (size_t i = 0; i < kPatterns; ++i) {
      patterns[i] = static_cast<uint16_t>(i);
      const float decoded =
          dtype == DType::kF16 ? HalfToFloat(patterns[i]) : Bf16ToFloat(patterns[i]);
      expected[i] = decoded + 0.0f;  // a lane starts at +0: -0 is lost
    }
    std::memcpy(w.data(), patterns.data(), w.size());
    const float one = 1.0f;
    GetParam()->matmul_float(&one, 1, 1, dtype, w.data(), 2, kPatterns, 1, y.data(), kPatterns);
    EXPECT_EQ(FirstDifference(y, expected), -1) << Name(dtype);
  }
}

// ------------------------------------------------------------------------------------------------

std::vector<DType> IntegerTypes() {
  std::vector<DType> types;
  for (int t = 0; t < static_cast<int>(DType::kCount); ++t) {
    if (IntegerBlockSize(static_cast<DType>(t)) != 0) types.push_back(static_cast<DType>(t));
  }
  return types;
}

// Where the binary16 scales of a block are; formats that are not named have one at 0.
std::vector<size_t> ScaleOffsets(DType dtype) {
  switch (dtype) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    case DType::kTQ1_0:
      return {52};
    case DType::kTQ2_0:
      return {64};
    case DType::kIQ1_M:
    case DType::kNVFP4:
      return {};
    default:
      return {0};
  }
}

// Rows of random blocks; with `tame` scales between 2^-8 and 2^-2, else any bits.
std::vector<uint8_t> RandomBlocks(DType dtype, size_t n, size_t k, unsigned seed, bool tame) {
  std::mt19937 rng(seed);
  const size_t bytes = static_cast<size_t>(Info(dtype).block_bytes);
  std::vector<uint8_t> w(n * k / static_cast<size_t>(Info(dtype).block_size) * bytes);
  for (uint8_t& b : w) b = static_cast<uint8_t>(rng() >> 7);
  for (size_t block = 0; tame && block < w.size(); block += bytes) {
    if (dtype == DType::kMXFP4) {
      w[block] = static_cast<uint8_t>(118 + rng() % 8);
    } else if (dtype == DType::kIQ1_M) {
      w[block + 55] =
          static_cast<uint8_t>((w[block + 55] & 0x0f) | 0x20);  // top nibble of the scale
    } else {
      for (const size_t at : ScaleOffsets(dtype)) {
        const uint16_t half = static_cast<uint16_t>(0x1c00 + rng() % 0x1800 + (rng() % 2) * 0x8000);
        std::memcpy(&w[block + at], &half, 2);
      }
    }
  }
  return w;
}

// The product over interleaved rows has the bits of the product over rows.
void CheckInterleaved(const KernelTable& table, const QuantizedRows& x,
                      const std::vector<uint8_t>& w, DType dtype, size_t n,
                      const std::vector<float>& expected) {
  const size_t row = w.size() / n, whole = n / kStripRows * kStripRows, ldy = whole + 1;
  const InterleavedLayout layout = InterleavedLayoutOf(dtype);
  if (table.matmul_interleaved == nullptr || layout.words == 0 || whole == 0) return;
  std::vector<uint8_t> strips(whole * row + 1);  // at an odd address
  for (size_t j = 0; j < whole; j += kStripRows) {
    InterleaveRows(dtype, &w[j * row], row, row / layout.block_bytes(), &strips[j * row + 1]);
  }
  std::vector<float> y(x.rows * ldy, 123.0f);
  table.matmul_interleaved(x, dtype, strips.data() + 1, row, whole, y.data(), ldy);
  for (size_t i = 0; i < x.rows; ++i) {
    ASSERT_EQ(FirstDifference(&y[i * ldy], &expected[i * n], whole), -1) << "row " << i;
    ASSERT_EQ(y[i * ldy + whole], 123.0f);
  }
}

// The fastest table: its products over rows are compared with scalar's elsewhere.
const KernelTable& BestTable() {
  auto best = SupportedKernelTables();
  while (best[1] != nullptr) ++best;
  return **best;
}

std::vector<float> IntegerProduct(const KernelTable& table, const QuantizedRows& x,
                                  const std::vector<uint8_t>& w, DType dtype, size_t n) {
  const size_t row = w.size() / n, ldy = n + 2;
  std::vector<uint8_t> shifted(w.size() + 1);  // an odd address
  std::copy(w.begin(), w.end(), shifted.begin() + 1);
  std::vector<float> padded(x.rows * ldy, 123.0f), y;
  table.matmul_integer(x, dtype, shifted.data() + 1, row, n, padded.data(), ldy);
  for (size_t i = 0; i < x.rows; ++i) {
    y.insert(y.end(), padded.begin() + static_cast<long>(i * ldy),
             padded.begin() + static_cast<long>(i * ldy + n));
    EXPECT_EQ(padded[i * ldy + n], 123.0f);
    EXPECT_EQ(padded[i * ldy + n + 1], 123.0f);
  }
  CheckInterleaved(table, x, w, dtype, n, y);
  return y;
}

void CheckIntegerProduct(const KernelTable& table, DType dtype, const Shape& s) {
  SCOPED_TRACE(testing::Message() << s.m << " " << s.n << " " << s.k);
  const std::vector<float> input = RandomFloats(s.m * s.k, static_cast<unsigned>(s.k + s.m));
  QuantizedBuffer x(s.m, s.k, ActivationBlock(dtype));
  ScalarTable().quantize_rows(input.data(), s.k, s.m, &x.rows);
  const std::vector<uint8_t> w = RandomBlocks(dtype, s.n, s.k, 5, /*tame=*/true);
  const std::vector<float> y = IntegerProduct(table, x.rows, w, dtype, s.n);
  ASSERT_EQ(FirstDifference(y, IntegerProduct(ScalarTable(), x.rows, w, dtype, s.n)), -1);

  std::vector<float> decoded(s.n * s.k);
  DecodeRow(dtype, w.data(), static_cast<int64_t>(s.n * s.k), decoded.data());
  for (size_t i = 0; i < s.m; ++i) {
    for (size_t j = 0; j < s.n; ++j) {
      double sum = 0, magnitude = 0;
      for (size_t p = 0; p < s.k; ++p) {
        const size_t e = i * s.k + p;
        const double term =
            static_cast<double>(decoded[j * s.k + p]) * x.q[e] * x.scales[e / x.rows.block];
        sum += term;
        magnitude += std::fabs(term);
      }
      // Decoding rounds up to 4 times; a chain rounds 3 times per block. With minima the parts are
      // larger than their sum: a factor 8 covers the formats' largest quotient of the two.
      const double steps = 4 + 3 * static_cast<double>(s.k) / 16;
      ASSERT_NEAR(y[i * s.n + j], sum, 8 * steps * 0x1p-24 * magnitude + 1e-30) << i << " " << j;
    }
  }
  QuantizedBuffer alone(1, s.k, ActivationBlock(dtype));
  ScalarTable().quantize_rows(&input[(s.m - 1) * s.k], s.k, 1, &alone.rows);
  ASSERT_EQ(FirstDifference(IntegerProduct(table, alone.rows, w, dtype, s.n).data(),
                            &y[(s.m - 1) * s.n], s.n),
            -1);
}

using IntegerCase = std::tuple<const KernelTable*, DType>;
class IntegerMatmulTest : public testing::TestWithParam<IntegerCase> {};
std::string IntegerCaseName(const testing::TestParamInfo<IntegerCase>& test) {
  return std::string(std::get<0>(test.param)->name) + "_" + Name(std::get<1>(test.param));
}
INSTANTIATE_TEST_SUITE_P(Tables, IntegerMatmulTest,
                         testing::Combine(testing::ValuesIn(TablesWithTiles()),
                                          testing::ValuesIn(IntegerTypes())),
                         IntegerCaseName);

TEST_P(IntegerMatmulTest, MatchesReferenceScalarAndSingleRowsForManyShapes) {
  const auto [table, dtype] = GetParam();
  const size_t unit = static_cast<size_t>(Info(dtype).block_size);
  for (const size_t m : {1, 2, 3, 4, 5, 7, 9, 23}) CheckIntegerProduct(*table, dtype, {m, 9, 256});
  for (const size_t n : {1, 2, 3, 5, 7, 8, 15, 16, 17}) {
    CheckIntegerProduct(*table, dtype, {1, n, 256});
    CheckIntegerProduct(*table, dtype, {5, n, 256});
  }
  for (size_t blocks = 1; blocks <= 18; blocks = blocks * 3 / 2 + 1) {
    CheckIntegerProduct(*table, dtype, {1, 3, blocks * unit});
    CheckIntegerProduct(*table, dtype, {6, 3, blocks * unit});
  }
  CheckIntegerProduct(*table, dtype, {65, 8, 512});
  // Panels over interleaved rows, of one strip and of two, whole and cut.
  for (const size_t m : {11, 12, 13, 14, 16, 17}) CheckIntegerProduct(*table, dtype, {m, 25, 256});
  for (size_t blocks = 1; blocks <= 18; blocks = blocks * 3 / 2 + 1) {
    CheckIntegerProduct(*table, dtype, {3, 8, blocks * unit});
    CheckIntegerProduct(*table, dtype, {14, 17, blocks * unit});
  }
  CheckIntegerProduct(*table, dtype, {66, 16, 256});
  CheckIntegerProduct(*table, dtype, {513, 2, 256});
}

// What products over interleaved rows choose by: the number of activation rows and of strips, and
// blocks that fill no panel.
TEST_P(IntegerMatmulTest, InterleavedRowsHaveTheBitsOfRowsForManyShapes) {
  const auto [table, dtype] = GetParam();
  if (table->matmul_interleaved == nullptr || InterleavedLayoutOf(dtype).words == 0) return;
  const size_t unit = static_cast<size_t>(Info(dtype).block_size);
  std::vector<Shape> shapes;
  for (const size_t m : {1, 2, 3, 5, 7, 8, 9, 16, 17, 23, 32, 33, 48, 64, 128, 129, 513}) {
    shapes.push_back({m, 24, 256});
    if (m <= 64) shapes.push_back({m, 40, 512});
  }
  for (size_t blocks = 1; blocks <= 17; ++blocks) {
    for (const size_t m : {8, 17, 35}) shapes.push_back({m, 16, blocks * unit});
  }
  for (const Shape& s : shapes) {
    SCOPED_TRACE(testing::Message() << s.m << " " << s.n << " " << s.k);
    const std::vector<float> input = RandomFloats(s.m * s.k, static_cast<unsigned>(s.k + s.m));
    QuantizedBuffer x(s.m, s.k, ActivationBlock(dtype));
    ScalarTable().quantize_rows(input.data(), s.k, s.m, &x.rows);
    const std::vector<uint8_t> w = RandomBlocks(dtype, s.n, s.k, 6, /*tame=*/true);
    std::vector<float> expected(s.m * s.n);
    BestTable().matmul_integer(x.rows, dtype, w.data(), w.size() / s.n, s.n, expected.data(), s.n);
    CheckInterleaved(*table, x.rows, w, dtype, s.n, expected);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST_P(IntegerMatmulTest, AnyBitsHaveTheBitsOfScalar) {
  const auto [table, dtype] = GetParam();
  const size_t n = 13, k = 1024;
  for (const size_t m : {1, 6, 15}) {
    for (unsigned seed = 0; seed < 8; ++seed) {
      std::vector<float> input = RandomFloats(m * k, seed, 1e20f);
      if (seed % 2 == 1) input[3] = NAN;
      QuantizedBuffer x(m, k, ActivationBlock(dtype));
      ScalarTable().quantize_rows(input.data(), k, m, &x.rows);
      const std::vector<uint8_t> w = RandomBlocks(dtype, n, k, seed, /*tame=*/false);
      const std::vector<float> y = IntegerProduct(*table, x.rows, w, dtype, n);
      ASSERT_EQ(FirstDifference(y, IntegerProduct(ScalarTable(), x.rows, w, dtype, n)), -1);
      ASSERT_TRUE(seed % 2 == 0 || std::isnan(y[0]));
    }
  }
}

// The extremes of weights and activations, where sums of 16 bits would overflow first.
TEST_P(IntegerMatmulTest, ExtremeIntegersDoNotOverflow) {
  const auto [table, dtype] = GetParam();
  const size_t n = 8, k = 512;
  for (const int fill : {0x00, 0x7f, 0x80, 0xff, 0x88, 0x77, 0xf0, 0x0f}) {
    for (const size_t m : {1, 6, 15}) {
      QuantizedBuffer x(m, k, ActivationBlock(dtype));
      std::fill(x.q.begin(), x.q.end(), fill % 2 == 0 ? -127 : 127);
      std::fill(x.sums.begin(), x.sums.end(), fill % 2 == 0 ? -2032 : 2032);
      std::fill(x.scales.begin(), x.scales.end(), 0.5f);
      std::vector<uint8_t> w = RandomBlocks(dtype, n, k, 1, /*tame=*/false);
      std::fill(w.begin(), w.end(), static_cast<uint8_t>(fill));
      for (size_t b = 0; b < w.size(); b += static_cast<size_t>(Info(dtype).block_bytes)) {
        for (const size_t at : ScaleOffsets(dtype)) w[b + at] = 0, w[b + at + 1] = 0x3c;
      }
      ASSERT_EQ(FirstDifference(IntegerProduct(*table, x.rows, w, dtype, n),
                                IntegerProduct(ScalarTable(), x.rows, w, dtype, n)),
                -1)
          << fill;
    }
  }
}

}  // namespace
}  // namespace tael
