// What a measured entry did per second, and what that is of the machine's limits.
#pragma once

#include "app/bench/runner.h"
#include "app/bench/statistics.h"

namespace tael {

// Of the median repetition.
struct Rates {
  Summary tokens;  // per second
  double seconds = 0;
  double bytes = 0, integer = 0, floating = 0;  // per second
  Limits limits;
  double bandwidth_share = 0, integer_share = 0, float_share = 0;  // 0: not measured
};
Rates RatesOf(const BenchResult& result);

}  // namespace tael
