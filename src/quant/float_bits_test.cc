#include "quant/float_bits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tael {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Value of a sign-less binary float with `mantissa_bits` bits and `bias`, from the definition.
double ByDefinition(int bits, int mantissa_bits, int bias) {
  const int exponent = bits >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
  const double fraction = std::ldexp(mantissa, -mantissa_bits);
  return exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
}

TEST(FloatBitsTest, EveryHalfHasTheValueOfItsDefinition) {
  for (int h = 0; h < 0x7c00; ++h) {
    const double expected = ByDefinition(h, 10, 15);
    ASSERT_EQ(HalfToFloat(static_cast<uint16_t>(h)), expected) << h;
    ASSERT_EQ(HalfToFloat(static_cast<uint16_t>(h | 0x8000)), -expected) << h;
  }
  EXPECT_EQ(HalfToFloat(0x7c00), kInf);
  EXPECT_EQ(HalfToFloat(0xfc00), -kInf);
  for (int h = 0x7c01; h < 0x8000; ++h) ASSERT_TRUE(std::isnan(HalfToFloat(h))) << h;
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
}

// Rounding is decided at the midpoints: test each of them and its two neighbours.
TEST(FloatBitsTest, FloatToHalfRoundsEveryMidpointToEven) {
  for (int h = 0; h < 0x7c00; ++h) {
    const uint16_t low = static_cast<uint16_t>(h), high = static_cast<uint16_t>(h + 1);
    const float a = HalfToFloat(low);
    const float b = h == 0x7bff ? 65536.0f : HalfToFloat(high);  // what infinity stands for
    const float middle = a + (b - a) / 2;                        // exact: 12 bits
    ASSERT_EQ(FloatToHalf(a), low);
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, a)), low) << h;
    ASSERT_EQ(FloatToHalf(middle), h % 2 == 0 ? low : high) << h;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, b)), high) << h;
    ASSERT_EQ(FloatToHalf(-middle), (h % 2 == 0 ? low : high) | 0x8000) << h;
  }
}

TEST(FloatBitsTest, FloatToHalfTakesSpecialValues) {
  EXPECT_EQ(FloatToHalf(1e-45f), 0);
  EXPECT_EQ(FloatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(FloatToHalf(kInf), 0x7c00);
  EXPECT_EQ(FloatToHalf(-kInf), 0xfc00);
  EXPECT_EQ(FloatToHalf(3e38f), 0x7c00);
  EXPECT_EQ(FloatToHalf(std::bit_cast<float>(0x7f800001u)), 0x7e00);  // stays a NaN, quiet
  EXPECT_EQ(FloatToHalf(std::bit_cast<float>(0xffc02000u)), 0xfe01);
}

TEST(FloatBitsTest, Bf16RoundsToEvenAndKeepsNaN) {
  for (int b = 0; b < 0x7f80; ++b) {
    const uint16_t low = static_cast<uint16_t>(b), high = static_cast<uint16_t>(b + 1);
    const uint32_t middle = static_cast<uint32_t>(b) << 16 | 0x8000u;
    ASSERT_EQ(FloatToBf16(Bf16ToFloat(low)), low);
    ASSERT_EQ(FloatToBf16(std::bit_cast<float>(middle - 1)), low);
    ASSERT_EQ(FloatToBf16(std::bit_cast<float>(middle)), b % 2 == 0 ? low : high);
    ASSERT_EQ(FloatToBf16(std::bit_cast<float>(middle + 1)), high);
  }
  EXPECT_EQ(FloatToBf16(-kInf), 0xff80);
  EXPECT_EQ(FloatToBf16(std::bit_cast<float>(0x7f800001u)), 0x7fc0);
  EXPECT_EQ(FloatToBf16(std::bit_cast<float>(0xffffffffu)), 0xffff);
}

TEST(FloatBitsTest, E4M3HasTheValueOfItsDefinition) {
  for (int b = 0; b < 0x7f; ++b) {
    ASSERT_EQ(E4M3ToFloat(static_cast<uint8_t>(b)), ByDefinition(b, 3, 7)) << b;
    ASSERT_EQ(E4M3ToFloat(static_cast<uint8_t>(b | 0x80)), -ByDefinition(b, 3, 7)) << b;
  }
  EXPECT_EQ(E4M3ToFloat(0x7e), 448.0f);
  EXPECT_EQ(E4M3ToFloat(0x01), 0x1p-9f);
  EXPECT_TRUE(std::isnan(E4M3ToFloat(0x7f)));
  EXPECT_TRUE(std::isnan(E4M3ToFloat(0xff)));
}

TEST(FloatBitsTest, E5M2HasTheValueOfItsDefinition) {
  for (int b = 0; b < 0x7c; ++b) {
    ASSERT_EQ(E5M2ToFloat(static_cast<uint8_t>(b)), ByDefinition(b, 2, 15)) << b;
  }
  EXPECT_EQ(E5M2ToFloat(0xfc), -kInf);
  EXPECT_TRUE(std::isnan(E5M2ToFloat(0x7d)));
}

TEST(FloatBitsTest, E8M0IsAPowerOfTwo) {
  for (int b = 0; b < 255; ++b) {
    ASSERT_EQ(E8M0ToFloat(static_cast<uint8_t>(b)), std::ldexp(1.0, b - 127)) << b;
  }
  EXPECT_TRUE(std::isnan(E8M0ToFloat(255)));
}

TEST(FloatBitsTest, FinitenessAgreesWithTheValue) {
  for (int b = 0; b < 0x10000; ++b) {
    const uint16_t bits = static_cast<uint16_t>(b);
    ASSERT_EQ(IsFiniteHalf(bits), std::isfinite(HalfToFloat(bits))) << b;
    ASSERT_EQ(IsFiniteBf16(bits), std::isfinite(Bf16ToFloat(bits))) << b;
    ASSERT_EQ(IsFinite(Bf16ToFloat(bits)), std::isfinite(Bf16ToFloat(bits))) << b;
  }
}

}  // namespace
}  // namespace tael
