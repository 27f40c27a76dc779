#include "quant/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "quant/float_bits.h"
#include "tests/support/mini_safetensors.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

constexpr DType kEncodable[] = {DType::kF16,   DType::kBF16, DType::kQ4_0, DType::kQ4_1,
                                DType::kQ5_0,  DType::kQ5_1, DType::kQ8_0, DType::kMXFP4,
                                DType::kTQ1_0, DType::kTQ2_0};

class EncodeTest : public testing::TestWithParam<DType> {};

TEST_P(EncodeTest, EveryByteEqualsTheReference) {
  const auto path =
      SharedPath(std::string("goldens/quant/quantize/") + Name(GetParam()) + ".safetensors");
  if (!path) GTEST_SKIP() << "goldens/quant/quantize is not available";
  const MiniSafetensors file(*path);
  const std::vector<float> input = file.Values<float>("input");
  const std::vector<uint8_t> expected = file.Values<uint8_t>("bytes");
  const std::vector<float> expected_values = file.Values<float>("values");
  ASSERT_GE(input.size(), 64u * 32u);
  ASSERT_TRUE(CanEncode(GetParam()));

  const int64_t count = static_cast<int64_t>(input.size());
  ASSERT_EQ(StorageBytes(GetParam(), count), static_cast<int64_t>(expected.size()));
  std::vector<uint8_t> bytes(expected.size(), 0xcc);
  EncodeRow(GetParam(), input.data(), count, bytes.data());
  for (size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], expected[i]) << "byte " << i;

  std::vector<float> values(input.size());
  DecodeRow(GetParam(), bytes.data(), count, values.data());
  EXPECT_THAT(values, testing::ElementsAreArray(expected_values));
}

TEST_P(EncodeTest, ZerosDecodeToZeros) {
  const std::vector<float> zeros(256, 0.0f);
  std::vector<uint8_t> bytes(static_cast<size_t>(*StorageBytes(GetParam(), 256)), 0xcc);
  EncodeRow(GetParam(), zeros.data(), 256, bytes.data());
  std::vector<float> values(256, 1.0f);
  DecodeRow(GetParam(), bytes.data(), 256, values.data());
  EXPECT_THAT(values, testing::Each(0.0f));
}

// Undefined behaviour here would be seen by the sanitizers.
TEST_P(EncodeTest, HostileValuesAreHarmless) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const float hostile[] = {nan, inf, -inf, 3e38f, -3e38f, 1e-45f, -1e-40f, 0.0f, 1.0f};
  std::vector<float> input(256 * std::size(hostile));
  for (size_t i = 0; i < input.size(); ++i) {
    input[i] = i % 7 == 0 ? hostile[i / 256] : hostile[i % std::size(hostile)];
    if (i % 256 >= 128) input[i] = hostile[i / 256];
  }
  const int64_t count = static_cast<int64_t>(input.size());
  std::vector<uint8_t> bytes(static_cast<size_t>(*StorageBytes(GetParam(), count)));
  EncodeRow(GetParam(), input.data(), count, bytes.data());
  std::vector<float> values(input.size());
  DecodeRow(GetParam(), bytes.data(), count, values.data());
}

INSTANTIATE_TEST_SUITE_P(AllTypes, EncodeTest, testing::ValuesIn(kEncodable),
                         [](const auto& type) { return std::string(Name(type.param)); });

TEST(EncodeTypesTest, OnlyTheListedTypesCanBeEncoded) {
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const DType dtype = static_cast<DType>(i);
    EXPECT_EQ(CanEncode(dtype), testing::Value(kEncodable, testing::Contains(dtype))) << i;
  }
}

TEST(EncodeTypesTest, Mxfp4ReachesBothEndsOfItsExponents) {
  std::vector<float> input(64, 0.0f);
  input[0] = 0x1p-140f;                           // below the smallest scale
  input[32] = std::numeric_limits<float>::max();  // exponent 127: e = 252, value 6 * 2^125
  uint8_t bytes[34];
  EncodeRow(DType::kMXFP4, input.data(), 64, bytes);
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(bytes[17], 252);
  float values[64];
  DecodeRow(DType::kMXFP4, bytes, 64, values);
  EXPECT_EQ(values[32], 6 * 0x1p125f);
}

}  // namespace
}  // namespace tael
