// Limits that the kernel's control groups put on this process.
#pragma once

#include <cstdint>

namespace tael {

// CPUs the control groups (v2 or v1) allow per period, e.g. 1.5; 0 when unlimited or unknown.
double CgroupCpuQuota();

// The level of this process's memory cgroup that leaves least.
struct CgroupMemory {
  int64_t limit = 0;      // bytes; 0 when unlimited or unknown
  int64_t anonymous = 0;  // bytes that cannot be given back: of processes, and files in memory
};
CgroupMemory ReadCgroupMemory();

}  // namespace tael
