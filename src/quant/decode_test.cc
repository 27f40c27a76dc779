#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "quant/block_format.h"
#include "quant/dtype.h"
#include "tests/support/mini_safetensors.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

struct GoldenType {
  const char* name;
  DType dtype;
};

// Every file of goldens/quant/dequant.
const GoldenType kGoldenTypes[] = {
    {"F32", DType::kF32},       {"F16", DType::kF16},         {"BF16", DType::kBF16},
    {"Q4_0", DType::kQ4_0},     {"Q4_1", DType::kQ4_1},       {"Q5_0", DType::kQ5_0},
    {"Q5_1", DType::kQ5_1},     {"Q8_0", DType::kQ8_0},       {"Q2_K", DType::kQ2_K},
    {"Q3_K", DType::kQ3_K},     {"Q4_K", DType::kQ4_K},       {"Q5_K", DType::kQ5_K},
    {"Q6_K", DType::kQ6_K},     {"Q8_K", DType::kQ8_K},       {"IQ1_S", DType::kIQ1_S},
    {"IQ1_M", DType::kIQ1_M},   {"IQ2_XXS", DType::kIQ2_XXS}, {"IQ2_XS", DType::kIQ2_XS},
    {"IQ2_S", DType::kIQ2_S},   {"IQ3_XXS", DType::kIQ3_XXS}, {"IQ3_S", DType::kIQ3_S},
    {"IQ4_NL", DType::kIQ4_NL}, {"IQ4_XS", DType::kIQ4_XS},   {"TQ1_0", DType::kTQ1_0},
    {"TQ2_0", DType::kTQ2_0},   {"MXFP4", DType::kMXFP4},     {"NVFP4", DType::kNVFP4},
    {"Q1_0", DType::kQ1_0},     {"Q2_0", DType::kQ2_0},
};

class DecodeGoldenTest : public testing::TestWithParam<GoldenType> {};

TEST_P(DecodeGoldenTest, EveryValueEqualsTheReference) {
  const auto path =
      SharedPath(std::string("goldens/quant/dequant/") + GetParam().name + ".safetensors");
  if (!path) GTEST_SKIP() << "goldens/quant/dequant is not available";
  const MiniSafetensors file(*path);
  const std::vector<uint8_t> bytes = file.Values<uint8_t>("bytes");
  const std::vector<float> expected = file.Values<float>("values");
  ASSERT_GE(expected.size(), 64u * 32u);
  ASSERT_TRUE(CanDecode(GetParam().dtype));

  // All blocks as one row, at an odd address: files do not align blocks.
  std::vector<uint8_t> shifted(bytes.size() + 1);
  std::memcpy(shifted.data() + 1, bytes.data(), bytes.size());
  std::vector<float> values(expected.size(), -1.0f);
  DecodeRow(GetParam().dtype, shifted.data() + 1, static_cast<int64_t>(values.size()),
            values.data());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], expected[i]) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(AllTypes, DecodeGoldenTest, testing::ValuesIn(kGoldenTypes),
                         [](const auto& type) { return std::string(type.param.name); });

TEST(DecodeTest, EveryBlockTypeAndFourPlainTypesDecode) {
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const DType dtype = static_cast<DType>(i);
    const bool plain_float = dtype == DType::kF32 || dtype == DType::kF16 ||
                             dtype == DType::kBF16 || dtype == DType::kF64;
    EXPECT_EQ(CanDecode(dtype), plain_float || dtype >= DType::kQ4_0) << "dtype " << i;
  }
}

TEST(DecodeTest, TableOfFormatsAgreesWithTheTypeInfo) {
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const DType dtype = static_cast<DType>(i);
    const BlockFormat* format = FindBlockFormat(dtype);
    const DTypeInfo& info = Info(dtype);
    ASSERT_EQ(format != nullptr, info.bits == 0) << info.name;
    if (format == nullptr) continue;
    EXPECT_EQ(format->dtype, dtype);
    EXPECT_EQ(format->elements, static_cast<size_t>(info.block_size)) << info.name;
    EXPECT_EQ(format->bytes, static_cast<size_t>(info.block_bytes)) << info.name;
  }
}

TEST(DecodeTest, F64RoundsToFloatAndOverflowsToInfinity) {
  const double stored[] = {0.1, -1e300, 1.0};
  float values[3];
  DecodeRow(DType::kF64, reinterpret_cast<const uint8_t*>(stored), 3, values);
  EXPECT_EQ(values[0], 0.1f);
  EXPECT_EQ(values[1], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[2], 1.0f);
}

TEST(DecodeTest, Q8_1IsScaleTimesQuantWhateverTheStoredSum) {
  uint8_t block[36] = {0x00, 0x38, 0xff, 0x7f};  // d = 0.5, s = NaN
  for (int i = 0; i < 32; ++i) block[4 + i] = static_cast<uint8_t>(i - 16);
  float values[32];
  DecodeRow(DType::kQ8_1, block, 32, values);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(values[i], 0.5f * static_cast<float>(i - 16));
}

TEST(DecodeTest, InfiniteScaleGivesNaNForZeroQuants) {
  uint8_t block[34] = {0x00, 0x7c, 0, 1};  // d = +inf, q = 0, 1, 0, ...
  float values[32];
  DecodeRow(DType::kQ8_0, block, 32, values);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], std::numeric_limits<float>::infinity());
}

TEST(DecodeTest, EmptyRowIsLeftAlone) {
  DecodeRow(DType::kF32, nullptr, 0, nullptr);
  DecodeRow(DType::kQ4_K, nullptr, 0, nullptr);
}

}  // namespace
}  // namespace tael
