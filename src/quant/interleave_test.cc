#include "quant/interleave.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "quant/integer_form.h"

namespace tael {
namespace {

std::vector<DType> InterleavedTypes() {
  std::vector<DType> types;
  for (int t = 0; t < static_cast<int>(DType::kCount); ++t) {
    if (InterleavedLayoutOf(static_cast<DType>(t)).words != 0) {
      types.push_back(static_cast<DType>(t));
    }
  }
  return types;
}

class InterleaveTest : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Types, InterleaveTest, testing::ValuesIn(InterleavedTypes()),
                         [](const auto& test) { return std::string(Name(test.param)); });

TEST_P(InterleaveTest, TheLayoutIsTheBlock) {
  const InterleavedLayout layout = InterleavedLayoutOf(GetParam());
  EXPECT_EQ(layout.block_bytes(), static_cast<size_t>(Info(GetParam()).block_bytes));
  EXPECT_LT(layout.odd, 4u);
  EXPECT_EQ(static_cast<size_t>(Info(GetParam()).block_size), IntegerBlockSize(GetParam()))
      << "kernels read one block of the file as one block of integers";
}

TEST_P(InterleaveTest, EveryRowComesBackAndEveryByteIsThereOnce) {
  for (const size_t blocks : {1, 2, 7}) {
    const size_t row = blocks * InterleavedLayoutOf(GetParam()).block_bytes(), stride = row + 5;
    std::vector<uint8_t> rows(kStripRows * stride), strip(kStripRows * row + 1, 0xee), back(row);
    std::mt19937 rng(static_cast<unsigned>(blocks));
    for (uint8_t& byte : rows) byte = static_cast<uint8_t>(rng());
    InterleaveRows(GetParam(), rows.data(), stride, blocks, strip.data());
    EXPECT_EQ(strip.back(), 0xee) << "behind the strip";
    std::vector<uint8_t> all;
    for (size_t r = 0; r < kStripRows; ++r) {
      const uint8_t* from = &rows[r * stride];
      CopyInterleavedRow(GetParam(), strip.data(), blocks, r, back.data());
      EXPECT_TRUE(std::equal(back.begin(), back.end(), from)) << "row " << r;
      all.insert(all.end(), from, from + row);
    }
    strip.pop_back();
    std::sort(all.begin(), all.end());
    std::sort(strip.begin(), strip.end());
    EXPECT_EQ(all, strip);
  }
}

TEST(Interleave, WordsOfEightRowsLieSideBySideBehindTheOddBytes) {
  constexpr size_t kBlocks = 2, kRow = kBlocks * 34;
  std::vector<uint8_t> rows(kStripRows * kRow), strip(rows.size());
  for (size_t r = 0; r < kStripRows; ++r) {
    for (size_t i = 0; i < kRow; ++i) rows[r * kRow + i] = static_cast<uint8_t>(16 * r + i % 34);
  }
  InterleaveRows(DType::kQ8_0, rows.data(), kRow, kBlocks, strip.data());
  EXPECT_EQ(strip[2 * 3], 16 * 3) << "the scale of row 3";
  const size_t words = kBlocks * kStripRows * 2;
  EXPECT_EQ(strip[words + 4 * 5 + 1], 16 * 5 + 2 + 1) << "element 1 of row 5";
  EXPECT_EQ(strip[words + (8 + 1) * 32 + 4 * 7], 16 * 7 + 2 + 4) << "element 4 of block 1, row 7";
}

}  // namespace
}  // namespace tael
