#include "quant/scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "quant/float_bits.h"

namespace tael {
namespace {

int64_t BySearch(DType dtype, const std::vector<uint8_t>& bytes, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  DecodeRow(dtype, bytes.data(), count, values.data());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return static_cast<int64_t>(i);
  }
  return -1;
}

// Random bytes hit infinite scales often enough, and finite rows too.
TEST(ScanTest, FindsWhatDecodingFindsInRandomBytesOfEveryType) {
  std::mt19937 random(1);
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!CanDecode(dtype)) continue;
    SCOPED_TRACE(Name(dtype));
    int finite = 0, found = 0;
    for (int round = 0; round < 300; ++round) {
      const int64_t count =
          Info(dtype).block_size == 1 ? 1 + round % 97 : Info(dtype).block_size * 3;
      std::vector<uint8_t> bytes(static_cast<size_t>(*StorageBytes(dtype, count)));
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
      const int64_t expected = BySearch(dtype, bytes, count);
      ASSERT_EQ(FirstNonFinite(dtype, bytes.data(), count), expected);
      ++(expected < 0 ? finite : found);
    }
    EXPECT_GT(finite, 0);
    EXPECT_EQ(found > 0, dtype != DType::kNVFP4);
  }
}

TEST(ScanTest, FindsEveryPositionOfALongPlainRow) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
    SCOPED_TRACE(Name(dtype));
    constexpr int64_t kCount = 200;
    const size_t size = static_cast<size_t>(*StorageBytes(dtype, 1));
    for (int64_t position = 0; position < kCount; ++position) {
      std::vector<uint8_t> bytes(size * kCount, 0);
      ASSERT_EQ(FirstNonFinite(dtype, bytes.data(), kCount), -1);
      // All ones is a NaN in each of these types.
      std::memset(bytes.data() + static_cast<size_t>(position) * size, 0xff, size);
      ASSERT_EQ(FirstNonFinite(dtype, bytes.data(), kCount), position);
    }
  }
}

TEST(ScanTest, F64BeyondFloatCountsAsInfinite) {
  const double values[] = {1e38, 1e39};
  EXPECT_EQ(FirstNonFinite(DType::kF64, reinterpret_cast<const uint8_t*>(values), 2), 1);
}

TEST(ScanTest, Mxfp4OverflowDependsOnTheCodes) {
  uint8_t block[17] = {253};  // scale 2^126: codes up to 3 fit, 4 and 6 do not
  std::memset(block + 1, 0x55, 16);
  EXPECT_EQ(FirstNonFinite(DType::kMXFP4, block, 32), -1);
  block[3] = 0x65;  // element 18 is code 6, value 4
  EXPECT_EQ(FirstNonFinite(DType::kMXFP4, block, 32), 18);
}

TEST(ScanTest, Q8KWithAHugeScaleIsDecidedByItsElements) {
  std::vector<uint8_t> block(292, 0);
  const float d = 0x1p121f;
  std::memcpy(block.data(), &d, sizeof(d));
  block[4 + 7] = 127;
  EXPECT_EQ(FirstNonFinite(DType::kQ8_K, block.data(), 256), -1);
  block[4 + 9] = 0x80;  // -128 * 2^121 = -2^128
  EXPECT_EQ(FirstNonFinite(DType::kQ8_K, block.data(), 256), 9);
}

}  // namespace
}  // namespace tael
