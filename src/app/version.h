// What this build is: shown by `tael --version` and in JSON outputs.
#pragma once

namespace tael {

// "0.1.0", from the build system.
const char* Version();

// Rises whenever results may change in any bit (docs/numerics.md).
inline constexpr int kNumericsVersion = 3;

}  // namespace tael
