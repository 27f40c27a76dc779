// Limits that the kernel's control groups put on this process.
#pragma once

#include <cstdint>
#include <string>

namespace tael {

// Where the kernel shows them; tests show others. Sets of CPUs (cpusets) are not read here: the
// kernel takes them into the affinity mask of every process (AvailableCpus).
struct CgroupFiles {
  std::string groups = "/proc/self/cgroup", mounts = "/sys/fs/cgroup";
};

// CPUs the control groups (v2 or v1) allow per period, e.g. 1.5: the least of this group's and all
// its ancestors'; 0 when unlimited or unknown.
double CgroupCpuQuota(const CgroupFiles& files = {});

// The level of this process's memory cgroup that leaves least.
struct CgroupMemory {
  int64_t limit = 0;      // bytes; 0 when unlimited or unknown
  int64_t anonymous = 0;  // bytes that cannot be given back: of processes, and files in memory
};
CgroupMemory ReadCgroupMemory(const CgroupFiles& files = {});

}  // namespace tael
