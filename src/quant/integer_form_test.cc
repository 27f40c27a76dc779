#include "quant/integer_form.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "quant/dtype.h"
#include "tests/support/mini_safetensors.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::vector<DType> TypesWithIntegerForm() {
  std::vector<DType> types;
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    if (IntegerBlockSize(static_cast<DType>(i)) != 0) types.push_back(static_cast<DType>(i));
  }
  return types;
}

TEST(IntegerFormTypesTest, AllBlockTypesForWeightsHaveOne) {
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const DType dtype = static_cast<DType>(i);
    const bool activations = dtype == DType::kQ8_1 || dtype == DType::kQ8_K;
    EXPECT_EQ(IntegerBlockSize(dtype) != 0, dtype >= DType::kQ4_0 && !activations) << i;
  }
}

TEST(IntegerFormTypesTest, SizesAreThoseOfTheContract) {
  EXPECT_EQ(IntegerBlockSize(DType::kQ4_K), 256u);
  EXPECT_EQ(ActivationBlock(DType::kQ4_K), 256u);
  EXPECT_EQ(IntegerBlockSize(DType::kTQ1_0), 256u);
  EXPECT_EQ(IntegerBlockSize(DType::kIQ4_NL), 32u);
  EXPECT_EQ(IntegerBlockSize(DType::kQ1_0), 32u);
  EXPECT_EQ(IntegerBlockSize(DType::kQ2_0), 32u);
  EXPECT_EQ(IntegerBlockSize(DType::kMXFP4), 32u);
  EXPECT_EQ(IntegerBlockSize(DType::kNVFP4), 16u);
  EXPECT_EQ(ActivationBlock(DType::kNVFP4), 32u);
  EXPECT_EQ(IntegerBlockSize(DType::kBF16), 0u);
}

TEST(IntegerFormTypesTest, FiveTypesHaveMinima) {
  for (const DType dtype : TypesWithIntegerForm()) {
    const bool expected = dtype == DType::kQ4_1 || dtype == DType::kQ5_1 || dtype == DType::kQ2_K ||
                          dtype == DType::kQ4_K || dtype == DType::kQ5_K;
    EXPECT_EQ(HasMinimum(dtype), expected) << Name(dtype);
  }
}

class IntegerFormTest : public testing::TestWithParam<DType> {};

TEST_P(IntegerFormTest, ScaleTimesIntegersIsTheReferenceValue) {
  const auto path =
      SharedPath(std::string("goldens/quant/dequant/") + Name(GetParam()) + ".safetensors");
  if (!path) GTEST_SKIP() << "goldens/quant/dequant is not available";
  const MiniSafetensors file(*path);
  const std::vector<uint8_t> row = file.Values<uint8_t>("bytes");
  const std::vector<float> values = file.Values<float>("values");
  const size_t size = IntegerBlockSize(GetParam());
  ASSERT_EQ(values.size() % size, 0u);
  IntegerBlock block;
  for (size_t b = 0; b < values.size() / size; ++b) {
    UnpackIntegerBlock(GetParam(), row.data(), b, &block);
    for (size_t i = 0; i < size; ++i) {
      // Exact in double up to the sum, which then rounds like the reference.
      const double value = static_cast<double>(block.d) * block.subscale[i / 16] * block.w[i] +
                           static_cast<double>(block.dm) * block.minimum[i / 16];
      ASSERT_EQ(static_cast<float>(value), values[b * size + i]) << "element " << b * size + i;
    }
  }
}

// Worst case over everything random bytes and constant bytes can produce: the largest sub-scale,
// weight and minimum seen, as if all of a block were so.
TEST_P(IntegerFormTest, SumsWithAnyActivationsFitInt32) {
  const size_t size = IntegerBlockSize(GetParam());
  const DTypeInfo& info = Info(GetParam());
  std::vector<uint8_t> row(static_cast<size_t>(info.block_bytes));
  std::mt19937 random(1);
  int64_t weight = 0, subscale = 0, minimum = 0;
  IntegerBlock block;
  for (int round = 0; round < 400; ++round) {
    for (uint8_t& byte : row) byte = static_cast<uint8_t>(round < 256 ? round : random());
    for (size_t part = 0; part < static_cast<size_t>(info.block_size) / size; ++part) {
      UnpackIntegerBlock(GetParam(), row.data(), part, &block);
      for (size_t i = 0; i < size; ++i) {
        weight = std::max<int64_t>(weight, std::abs(block.w[i]));
        subscale = std::max<int64_t>(subscale, std::abs(block.subscale[i / 16]));
        minimum = std::max<int64_t>(minimum, std::abs(block.minimum[i / 16]));
      }
    }
  }
  EXPECT_GT(weight * subscale, 0);
  EXPECT_LT(weight * subscale * 127 * static_cast<int64_t>(size), int64_t{1} << 31);
  EXPECT_LT(minimum * 127 * static_cast<int64_t>(size), int64_t{1} << 31);
  EXPECT_EQ(minimum != 0, HasMinimum(GetParam()));
}

TEST_P(IntegerFormTest, EveryRunIsSetInAnUncleanBlock) {
  const size_t size = IntegerBlockSize(GetParam());
  const std::vector<uint8_t> row(static_cast<size_t>(Info(GetParam()).block_bytes), 0x5a);
  IntegerBlock a, b;
  for (size_t i = 0; i < 256; ++i) a.w[i] = 77, b.w[i] = -77;
  for (size_t r = 0; r < 16; ++r) {
    a.subscale[r] = a.minimum[r] = 7777;
    b.subscale[r] = b.minimum[r] = -7777;
  }
  a.d = a.dm = 7, b.d = b.dm = -7;
  UnpackIntegerBlock(GetParam(), row.data(), 0, &a);
  UnpackIntegerBlock(GetParam(), row.data(), 0, &b);
  EXPECT_TRUE(std::equal(a.w, a.w + size, b.w));
  EXPECT_TRUE(std::equal(a.subscale, a.subscale + size / 16, b.subscale));
  EXPECT_TRUE(std::equal(a.minimum, a.minimum + size / 16, b.minimum));
  EXPECT_EQ(a.d, b.d);
  EXPECT_EQ(a.dm, b.dm);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, IntegerFormTest, testing::ValuesIn(TypesWithIntegerForm()),
                         [](const auto& type) { return std::string(Name(type.param)); });

}  // namespace
}  // namespace tael
