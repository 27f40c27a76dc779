// The CPUs that the system lets this process use.
#pragma once

#include <vector>

namespace tael {

// Ascending, not empty: the affinity mask at the first call, which sets of CPUs of control groups
// limit; pools may move threads later.
const std::vector<int>& AllowedCpus();

}  // namespace tael
