// Limits that the kernel's control groups put on this process.
#pragma once

#include <cstdint>

namespace tael {

// CPUs the cgroup (v2 or v1) allows per period, e.g. 1.5; 0 when unlimited or unknown.
double CgroupCpuQuota();

// Bytes the cgroup allows this process, the smallest over all levels; 0 when unlimited or unknown.
int64_t CgroupMemoryLimit();

}  // namespace tael
