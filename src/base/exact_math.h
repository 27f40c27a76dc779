// exp, log, sin and cos in double precision from additions, multiplications, divisions and fused
// multiply-adds only, so that tables computed with them have the same bits on every machine.
#pragma once

namespace tael {

// e^x, relative error below 4e-16; +inf above 709.7, 0 below -745.
double ExactExp(double x);
// Natural logarithm; relative error below 4e-16. REQUIRES: x > 0 and finite.
double ExactLog(double x);
// base^exponent through exp and log. REQUIRES: base > 0.
double ExactPow(double base, double exponent);
// Absolute error below 2e-16 for |x| < 2^30. REQUIRES: x finite and |x| < 2^30.
double ExactSin(double x);
double ExactCos(double x);

}  // namespace tael
