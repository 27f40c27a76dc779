#include "engine/step_time.h"

#include <algorithm>
#include <cmath>

namespace tael {
namespace {

constexpr double kKept = 0.986;                        // after each step; half is left after 50
constexpr double kFarTooLong = 4;                      // times the expected
constexpr int kBelieved = 8;                           // steps before anything is too long
constexpr int kFirstRows = 32;                         // tried before anything is known
constexpr int kGrowth = 4;                             // beyond the largest step seen
constexpr double kPositionUnit = 1e4, kRowUnit = 100;  // make the terms alike in size

std::array<double, 3> Terms(const StepSize& size) {
  return {1, size.rows / kRowUnit, size.positions / kPositionUnit};
}

using Matrix = std::array<std::array<double, 3>, 3>;

// Solves the normal equations for the terms of `used` (a bit each); the others are 0. A little is
// added to the diagonal, so that terms that were never told apart share what they explain.
std::array<double, 3> Solve(Matrix a, std::array<double, 3> b, unsigned used) {
  for (size_t i = 0; i < 3; ++i) {
    const bool in = (used >> i & 1U) != 0;
    for (size_t j = 0; j < 3; ++j) {
      if (!in || (used >> j & 1U) == 0) a[i][j] = 0;
    }
    a[i][i] = in ? a[i][i] * (1 + 1e-9) + 1e-12 : 1;
    if (!in) b[i] = 0;
  }
  for (size_t i = 0; i < 3; ++i) {  // positive definite: no pivots needed
    for (size_t k = i + 1; k < 3; ++k) {
      const double factor = a[k][i] / a[i][i];
      for (size_t j = i; j < 3; ++j) a[k][j] -= factor * a[i][j];
      b[k] -= factor * b[i];
    }
  }
  std::array<double, 3> x{};
  for (size_t i = 3; i-- > 0;) {
    double rest = b[i];
    for (size_t j = i + 1; j < 3; ++j) rest -= a[i][j] * x[j];
    x[i] = rest / a[i][i];
  }
  return x;
}

}  // namespace

void StepTime::Observe(const StepSize& size, double seconds) {
  if (size.rows <= 0 || !(seconds > 0)) return;
  if (observed_ >= kBelieved && size.rows <= largest_) {
    seconds = std::min(seconds, kFarTooLong * Predict(size));
  }
  observed_ = std::min(observed_ + 1, kBelieved);
  largest_ = std::max(largest_, size.rows);
  // Errors of long steps count more than those of short ones, but less than in proportion.
  const std::array<double, kTerms> terms = Terms(size);
  for (size_t i = 0; i < kTerms; ++i) {
    for (size_t j = 0; j < kTerms; ++j) {
      products_[i][j] = products_[i][j] * kKept + terms[i] * terms[j] / seconds;
    }
    sums_[i] = sums_[i] * kKept + terms[i];
  }
  Fit();
}

// The best of all fits whose factors are not negative, which may use some of the terms only.
void StepTime::Fit() {
  double best = 1e300;
  for (const unsigned used : {2U, 3U, 6U, 7U, 1U, 5U, 4U}) {  // rows first: the careful guess
    const std::array<double, kTerms> x = Solve(products_, sums_, used);
    double error = 0;  // up to a constant
    for (size_t i = 0; i < kTerms; ++i) {
      for (size_t j = 0; j < kTerms; ++j) error += x[i] * products_[i][j] * x[j];
      error -= 2 * x[i] * sums_[i];
    }
    const bool valid = std::all_of(x.begin(), x.end(), [](double f) { return f >= 0; });
    if (!valid || error >= best - 1e-6 * std::abs(best)) continue;
    best = error;
    factors_ = x;
  }
}

double StepTime::Predict(const StepSize& size) const {
  const std::array<double, kTerms> terms = Terms(size);
  double seconds = 0;
  for (size_t i = 0; i < kTerms; ++i) seconds += factors_[i] * terms[i];
  return seconds;
}

int StepTime::KnownRows() const { return std::max(kFirstRows, kGrowth * largest_); }

int StepTime::RowsWithin(const StepSize& step, int begin, int count, double seconds) const {
  int fits = 0, too_many = std::min(count, KnownRows() - step.rows) + 1;
  while (fits + 1 < too_many) {
    const int middle = fits + (too_many - fits) / 2;
    StepSize with = step;
    with.Add(begin, middle);
    (Predict(with) <= seconds ? fits : too_many) = middle;
  }
  return fits;
}

}  // namespace tael
