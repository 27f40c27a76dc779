// e^(x - shift) of many numbers at once in double precision, with the same bits on every machine.
#pragma once

#include <span>

namespace tael {

// out[i] = e^(x[i] - shift), relative error below 1e-15; 0 where x[i] - shift is below -708, NaN
// where it is NaN. Additions and multiplications only, so that compilers may do several at a time.
// About 2 ns each. REQUIRES: out is as long as x; no difference is above 0.
void ExpOfDifferences(std::span<const float> x, double shift, std::span<double> out);

// The sum of e^(x[i] - shift) in 8 lanes, element i in lane i mod 8, which are then added by one
// tree: lane j += lane j + 4, then j + 2, then j + 1. REQUIRES: as above.
double SumOfExp(std::span<const float> x, double shift);

}  // namespace tael
