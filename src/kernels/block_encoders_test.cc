#include "kernels/block_encoders.h"

#include <gmock/gmock.h>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

constexpr int64_t kColumns = 512;

std::vector<DType> Searched() {
  std::vector<DType> types;
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    if (CanSearch(static_cast<DType>(i))) types.push_back(static_cast<DType>(i));
  }
  return types;
}

std::vector<uint8_t> Encode(const KernelTable& table, DType dtype, const std::vector<float>& x,
                            const float* importance) {
  std::vector<uint8_t> bytes(static_cast<size_t>(*StorageBytes(dtype, kColumns)), 0xcc);
  EncodersOf(table).encode(dtype, x.data(), importance, kColumns, bytes.data());
  return bytes;
}

double Error(DType dtype, const std::vector<uint8_t>& bytes, const std::vector<float>& x,
             const float* weights) {
  std::vector<float> back(x.size());
  DecodeRow(dtype, bytes.data(), kColumns, back.data());
  double error = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double w = weights == nullptr ? 1 : static_cast<double>(weights[i]);
    const double v = static_cast<double>(x[i]), d = v - static_cast<double>(back[i]);
    error += w * d * d;
    size += w * v * v;
  }
  return error / size;
}

std::vector<float> Importance() {
  std::vector<float> importance = RandomFloats(kColumns, 5);
  for (float& v : importance) v = v * v * v * v + 0.01f;
  return importance;
}

class BlockEncodersTest : public testing::TestWithParam<DType> {};

TEST_P(BlockEncodersTest, EveryTableWritesTheSameBytes) {
  const std::vector<float> importance = Importance();
  for (const std::vector<float>& x : {RandomFloats(kColumns, 1), SpecialFloats(kColumns, 2)}) {
    for (const float* weights : {static_cast<const float*>(nullptr), importance.data()}) {
      const auto expected = Encode(ScalarTable(), GetParam(), x, weights);
      for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
        EXPECT_EQ(Encode(**table, GetParam(), x, weights), expected) << (*table)->name;
      }
    }
  }
}

TEST_P(BlockEncodersTest, ImportanceMovesTheErrorToWhereItCostsLess) {
  if (GetParam() == DType::kQ1_0) GTEST_SKIP() << "nothing to choose but one scale";
  const std::vector<float> x = RandomFloats(kColumns, 3), importance = Importance();
  const KernelTable& table = *SelectKernelTable();
  const double plain =
      Error(GetParam(), Encode(table, GetParam(), x, nullptr), x, importance.data());
  const double weighted =
      Error(GetParam(), Encode(table, GetParam(), x, importance.data()), x, importance.data());
  EXPECT_LT(weighted, plain);
}

TEST_P(BlockEncodersTest, ZerosDecodeToZeros) {
  const std::vector<float> zeros(kColumns, 0.0f);
  const auto bytes = Encode(ScalarTable(), GetParam(), zeros, nullptr);
  std::vector<float> back(kColumns, 1.0f);
  DecodeRow(GetParam(), bytes.data(), kColumns, back.data());
  EXPECT_THAT(back, testing::Each(0.0f));
}

// What was decoded from blocks of the format is near to something the format can say.
TEST_P(BlockEncodersTest, ErrorsAreSmallForEverySizeOfNumbers) {
  for (const float spread : {1e-3f, 1.0f, 3000.0f}) {
    const std::vector<float> x = RandomFloats(kColumns, 4, spread);
    const auto bytes = Encode(*SelectKernelTable(), GetParam(), x, nullptr);
    EXPECT_LT(Error(GetParam(), bytes, x, nullptr), 0.6) << spread;
  }
}

// Finite values that a vector might treat in another way than one after the other: zeros of both
// signs, extremes of both signs, halves, subnormal and huge ones.
std::vector<float> OddBlocks() {
  std::vector<float> x = SpecialFloats(64 * kColumns, 8);
  for (float& v : x) v = std::isfinite(v) ? v : -0.0f;
  for (size_t b = 0; b * 32 < x.size(); ++b) {
    float* block = x.data() + b * 32;
    const float size = std::ldexp(1.0f, static_cast<int>(b % 60) - 45);
    for (size_t i = 0; i < 32 && b % 8 != 0; ++i) {
      const auto step = static_cast<float>((7 * i + b) % 33);
      if (b % 8 == 1) block[i] = i % 3 == 0 ? -0.0f : 0.0f;
      if (b % 8 == 2) block[i] = (step - 16) * size;
      if (b % 8 == 3) block[i] = (step - 16.5f) * size;
      if (b % 8 == 4) block[i] = step == 0 ? -0.0f : step * size;
      if (b % 8 == 5) block[i] = step == 32 ? 127 * size : (4 * step + 0.5f) * size;
      if (b % 8 == 6) block[i] = (i % 2 == b / 8 % 2 ? 1.0f : -1.0f) * size;
      if (b % 8 == 7) block[i] = step * 1e-45f;
    }
  }
  return x;
}

TEST(BlockRoundingTest, EveryTableWritesTheBytesOfTheReference) {
  const auto columns = 64 * kColumns;
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!CanEncode(dtype)) continue;
    for (const std::vector<float>& x :
         {RandomFloats(static_cast<size_t>(columns), 7, 3.0f), OddBlocks()}) {
      std::vector<uint8_t> expected(static_cast<size_t>(*StorageBytes(dtype, columns)));
      EncodeRow(dtype, x.data(), columns, expected.data());
      for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
        std::vector<uint8_t> bytes(expected.size(), 0xcc);
        EncodersOf(**table).round(dtype, x.data(), columns, bytes.data());
        EXPECT_EQ(bytes, expected) << Name(dtype) << " " << (*table)->name;
      }
    }
  }
}

TEST(BlockRoundingTest, TheLargestMagnitudeIsFoundInRowsOfAnyLength) {
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    const auto largest = EncodersOf(**table).largest;
    for (int64_t count = 1; count < 70; ++count) {
      std::vector<float> x(static_cast<size_t>(count), 0.5f);
      for (float& v : x) {
        v = -2.5f;
        EXPECT_EQ(largest(x.data(), count), 2.5f);
        v = NAN;
        EXPECT_FALSE(std::isfinite(largest(x.data(), count)));
        v = -INFINITY;
        EXPECT_FALSE(std::isfinite(largest(x.data(), count)));
        v = -0.25f;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BlockEncodersTest, testing::ValuesIn(Searched()),
                         [](const auto& type) { return std::string(Name(type.param)); });

}  // namespace
}  // namespace tael
