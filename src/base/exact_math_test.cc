#include "base/exact_math.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tael {
namespace {

TEST(ExactMath, ExpAgreesWithLongDoubleOverItsRange) {
  for (double x = -700.0; x < 700.0; x += 0.37) {
    const long double want = std::exp(static_cast<long double>(x));
    EXPECT_LT(std::fabs(static_cast<double>((ExactExp(x) - want) / want)), 4e-16) << x;
  }
  EXPECT_EQ(ExactExp(0.0), 1.0);
  EXPECT_EQ(ExactExp(-800.0), 0.0);
  EXPECT_TRUE(std::isinf(ExactExp(800.0)));
}

TEST(ExactMath, LogAgreesWithLongDoubleOverItsRange) {
  for (double x = 1e-300; x < 1e300; x *= 1.37) {
    const long double want = std::log(static_cast<long double>(x));
    EXPECT_LT(std::fabs(static_cast<double>((ExactLog(x) - want) / want)), 4e-16) << x;
  }
  EXPECT_EQ(ExactLog(1.0), 0.0);
}

TEST(ExactMath, SineAndCosineAgreeWithLongDoubleUpToLargeAngles) {
  for (double x = -1e6; x < 1e6; x += 13.7) {
    EXPECT_NEAR(ExactSin(x), static_cast<double>(std::sin(static_cast<long double>(x))), 2e-16)
        << x;
    EXPECT_NEAR(ExactCos(x), static_cast<double>(std::cos(static_cast<long double>(x))), 2e-16)
        << x;
  }
}

TEST(ExactMath, PowGivesRopeBases) {
  EXPECT_NEAR(ExactPow(10000.0, 0.5), 100.0, 1e-13);
  EXPECT_EQ(ExactPow(500000.0, 0.0), 1.0);
}

}  // namespace
}  // namespace tael
