// What more threads gained, beside what they gained for loops that only read or only multiply.
#pragma once

#include <optional>
#include <vector>

#include "app/bench/report.h"

namespace tael {

// Speeds as multiples of those of the same test with fewer threads, in the same run; 0: unknown.
struct Scaling {
  int against = 0;  // threads of the other row
  double speed = 0;
  double read = 0, integer = 0, floating = 0;  // of the probes
  // `speed` over that of the probe whose limit the test is nearest to.
  double share_of_probe = 0;
};

// Of rows[index], against the row of the same test with the fewest threads; nullopt where that is
// the row itself. REQUIRES: index < rows.size().
std::optional<Scaling> ScalingOf(const std::vector<BenchRow>& rows, size_t index);

// A table of all rows that have one, or "".
std::string ScalingToText(const std::vector<BenchRow>& rows);

}  // namespace tael
