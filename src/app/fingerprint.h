// The name of a set of weights.
#pragma once

#include <string>

#include "checkpoint/open.h"

namespace tael {

// "xxh3-sha256:..." over the configuration and every tensor's name, type, shape and bytes: SHA-256
// of those and of the XXH3-128 digests of each MiB. Two checkpoints that differ in any byte of a
// tensor have different names (it is no defence against somebody who wants them to be equal). Reads
// all weights, on `threads` threads (0 = every CPU this process may use).
std::string WeightsFingerprint(const Checkpoint& checkpoint, int threads);

}  // namespace tael
