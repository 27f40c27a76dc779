// Rows of the cache in 8 bits: the bytes of the reference encoder, and bit for bit those of scalar.
#include <algorithm>
#include <limits>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

using CacheTest = KernelTest;
TAEL_FOR_ALL_TABLES(CacheTest);

std::vector<uint8_t> Stored(const KernelTable& table, const std::vector<float>& x) {
  std::vector<uint8_t> out(x.size() / 32 * 34 + 1, 0xee);
  table.to_cache(x.data(), x.size(), DType::kQ8_0, out.data());
  EXPECT_EQ(out.back(), 0xee);
  out.pop_back();
  return out;
}

TEST_P(CacheTest, Q8RowsHaveTheBytesOfTheEncoder) {
  for (int exponent = -17; exponent <= 22; ++exponent) {
    for (const size_t n : {32, 64, 96, 160}) {
      const unsigned seed =
          static_cast<unsigned>(1000 * (exponent + 20)) + static_cast<unsigned>(n);
      const std::vector<float> x = RandomFloats(n, seed, std::ldexp(1.0f, exponent));
      EXPECT_EQ(Stored(*GetParam(), x), Encoded(x, DType::kQ8_0)) << exponent << " " << n;
    }
  }
}

// With 127 in the block the scale is 1, so that halves stay halves.
TEST_P(CacheTest, Q8RoundsHalvesAwayFromZeroAndNothingElse) {
  std::vector<float> x;
  for (int i = 0; i < 127; ++i) {
    const float half = static_cast<float>(i) + 0.5f;
    for (const float v : {half, std::nextafter(half, 0.0f), std::nextafter(half, 200.0f)}) {
      if (x.size() % 32 == 0) x.push_back(127.0f);
      x.insert(x.end(), {v, -v});
      if (x.size() % 32 == 31) x.push_back(-0.0f);
    }
  }
  while (x.size() % 32 != 0) x.push_back(1e-30f);
  const std::vector<uint8_t> bytes = Stored(*GetParam(), x);
  EXPECT_EQ(bytes, Encoded(x, DType::kQ8_0));
  const auto byte = [&](size_t i) { return static_cast<int8_t>(bytes[2 + i]); };
  EXPECT_EQ(byte(1), 1);   // 0.5
  EXPECT_EQ(byte(2), -1);  // -0.5
  EXPECT_EQ(byte(3), 0);   // just below
  EXPECT_EQ(byte(7), 2);   // 1.5
}

TEST_P(CacheTest, Q8BlocksWithoutAUsableScaleReadAsNanOrZero) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::pair<float, uint16_t> cases[] = {
      {kNan, 0x7e00},  {INFINITY, 0x7e00}, {-INFINITY, 0x7e00}, {8.33e6f, 0x7e00},
      {3e38f, 0x7e00}, {1e-40f, 0},        {3.7e-6f, 0},        {0.0f, 0}};
  for (const auto& [value, scale] : cases) {
    std::vector<float> x(96, 1e-41f);
    std::fill_n(x.begin() + 64, 32, 0.25f);
    x[32 + 21] = value;
    const std::vector<uint8_t> bytes = Stored(*GetParam(), x);
    uint16_t stored;
    std::memcpy(&stored, bytes.data() + 34, sizeof(stored));
    EXPECT_EQ(stored, scale) << value;
    EXPECT_TRUE(std::all_of(bytes.begin() + 36, bytes.begin() + 68, [](int b) { return b == 0; }));
    EXPECT_EQ(bytes[68 + 2], 127);  // the blocks beside it do not mind
    EXPECT_EQ(bytes[0], 0);
  }
}

TEST_P(CacheTest, Q8HasTheBytesOfScalarForSpecialValues) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<float> x = RandomFloats(64, seed, 30.0f), special = SpecialFloats(64, seed);
    std::copy_n(special.begin(), seed % 65, x.begin());
    EXPECT_EQ(Stored(*GetParam(), x), Stored(ScalarTable(), x)) << seed;
  }
}

}  // namespace
}  // namespace tael
