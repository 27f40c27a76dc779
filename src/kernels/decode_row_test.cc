// Every table's rows of stored types against the decoder that defines their values.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/kernel_test_support.h"
#include "quant/dtype.h"

namespace tael {
namespace {

class DecodeRowTest : public KernelTest {};

// Bytes of all kinds, so that scales are numbers of any size, infinities and NaN.
std::vector<uint8_t> RandomBytes(size_t count, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng() >> 8);
  return bytes;
}

void ExpectDecoded(const KernelTable& table, DType dtype, int64_t count, unsigned seed) {
  const auto size = static_cast<size_t>(*StorageBytes(dtype, count));
  constexpr size_t kUnaligned = 1;
  const std::vector<uint8_t> bytes = RandomBytes(size + kUnaligned, seed);
  constexpr float kUntouched = -77.0f;
  std::vector<float> wanted(static_cast<size_t>(count) + 1, kUntouched), found = wanted;
  DecodeRow(dtype, bytes.data() + kUnaligned, count, wanted.data());
  table.decode_row(dtype, bytes.data() + kUnaligned, count, found.data());
  EXPECT_EQ(FirstDifference(found, wanted), -1) << Name(dtype) << ", " << count << " elements";
}

TEST_P(DecodeRowTest, BlocksHaveTheValuesOfTheDecoder) {
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!CanDecode(dtype) || Info(dtype).block_size == 1) continue;
    for (const int64_t blocks : {0, 1, 2, 7, 8, 9, 23, 200}) {
      ExpectDecoded(*GetParam(), dtype, blocks * Info(dtype).block_size, 5);
    }
  }
}

TEST_P(DecodeRowTest, PlainElementsHaveTheValuesOfTheDecoder) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
    for (const int64_t count : {0, 1, 3, 15, 16, 17, 31, 64, 513}) {
      ExpectDecoded(*GetParam(), dtype, count, 7);
    }
  }
}

TAEL_FOR_ALL_TABLES(DecodeRowTest);

}  // namespace
}  // namespace tael
