// Means with their standard errors, and percentiles, of many numbers: sums in double, in the order
// of the numbers.
#pragma once

#include <cstdint>
#include <span>

namespace tael {

struct Estimate {
  double value = 0;
  double error = 0;  // standard error
};

// The mean; its error is sqrt(s^2 / n) with the sample variance s^2, as if the numbers were
// independent; 0 for a single one. REQUIRES: not empty.
Estimate MeanOf(std::span<const double> values);
// The square root of the mean square; error of first order.
Estimate RootMeanSquareOf(std::span<const double> values);
// e^x of an estimate; error of first order.
Estimate ExpOf(const Estimate& x);
// The share of `count` in `total`; error sqrt(p (1 - p) / (n - 1)).
Estimate ShareOf(int64_t count, int64_t total);

// Percentile `q` in [0, 1] of numbers in ascending order; between two of them it goes in a straight
// line. REQUIRES: not empty.
double Percentile(std::span<const double> sorted, double q);

}  // namespace tael
