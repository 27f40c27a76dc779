#include "base/exact_math.h"

#include <cmath>
#include <limits>

namespace tael {
namespace {

// ln(2) and pi/2 as sums of two doubles: high part rounded, low part the rest.
constexpr double kLn2High = 0x1.62e42fefa39efp-1, kLn2Low = 0x1.abc9e3b39803fp-56;
constexpr double kHalfPiHigh = 0x1.921fb54442d18p+0, kHalfPiLow = 0x1.1a62633145c07p-54;
constexpr double kInvLn2 = 0x1.71547652b82fep+0, kTwoOverPi = 0x1.45f306dc9c883p-1;

// Taylor polynomial of sin on [-pi/4, pi/4]; the first dropped term is below 1e-18.
double SinPolynomial(double r) {
  const double s = r * r;
  double p = -1.0 / 1307674368000.0;  // 1/15!
  p = std::fma(p, s, 1.0 / 6227020800.0);
  p = std::fma(p, s, -1.0 / 39916800.0);
  p = std::fma(p, s, 1.0 / 362880.0);
  p = std::fma(p, s, -1.0 / 5040.0);
  p = std::fma(p, s, 1.0 / 120.0);
  p = std::fma(p, s, -1.0 / 6.0);
  return std::fma(p * s, r, r);
}

double CosPolynomial(double r) {
  const double s = r * r;
  double p = 1.0 / 20922789888000.0;  // 1/16!
  p = std::fma(p, s, -1.0 / 87178291200.0);
  p = std::fma(p, s, 1.0 / 479001600.0);
  p = std::fma(p, s, -1.0 / 3628800.0);
  p = std::fma(p, s, 1.0 / 40320.0);
  p = std::fma(p, s, -1.0 / 720.0);
  p = std::fma(p, s, 1.0 / 24.0);
  p = std::fma(p, s, -0.5);
  return std::fma(p, s, 1.0);
}

struct Reduced {
  double r;      // in [-pi/4, pi/4]
  int quadrant;  // 0..3
};

Reduced ReduceAngle(double x) {
  const double n = std::nearbyint(x * kTwoOverPi);
  const double r = std::fma(-n, kHalfPiLow, std::fma(-n, kHalfPiHigh, x));
  const auto quadrant = static_cast<int>(static_cast<long long>(n) & 3);
  return {r, quadrant};
}

}  // namespace

double ExactExp(double x) {
  if (std::isnan(x)) return x;
  if (x > 709.78) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0.0;
  const double n = std::nearbyint(x * kInvLn2);
  const double r = std::fma(-n, kLn2Low, std::fma(-n, kLn2High, x));
  double p = 1.0;  // Horner form of the Taylor series, |r| <= 0.347: 14 terms reach 1e-17
  for (int k = 14; k >= 1; --k) p = std::fma(p * (1.0 / k), r, 1.0);
  return std::ldexp(p, static_cast<int>(n));
}

double ExactLog(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // [0.5, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  // ln(m) = 2 atanh((m - 1) / (m + 1)), |t| <= 0.1716: terms up to t^25 reach 1e-19.
  const double t = (m - 1.0) / (m + 1.0), s = t * t;
  double p = 0.0;
  for (int k = 25; k >= 3; k -= 2) p = std::fma(p, s, 1.0 / k);
  const double e = exponent;
  return std::fma(e, kLn2High, std::fma(e, kLn2Low, 2.0 * std::fma(p * s, t, t)));
}

double ExactPow(double base, double exponent) { return ExactExp(exponent * ExactLog(base)); }

double ExactSin(double x) {
  const Reduced a = ReduceAngle(x);
  switch (a.quadrant) {
    case 0:
      return SinPolynomial(a.r);
    case 1:
      return CosPolynomial(a.r);
    case 2:
      return -SinPolynomial(a.r);
    default:
      return -CosPolynomial(a.r);
  }
}

double ExactCos(double x) {
  const Reduced a = ReduceAngle(x);
  switch (a.quadrant) {
    case 0:
      return CosPolynomial(a.r);
    case 1:
      return -SinPolynomial(a.r);
    case 2:
      return -CosPolynomial(a.r);
    default:
      return SinPolynomial(a.r);
  }
}

}  // namespace tael
