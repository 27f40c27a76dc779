#include "runtime/process_memory.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "runtime/cgroup_limits.h"

namespace tael {
namespace {

// Calls visit(name, bytes) for each "Name:  123 kB" line.
template <typename Visit>
void ReadKibibyteLines(const std::string& path, const Visit& visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !line.ends_with(" kB")) continue;
    std::istringstream value(line.substr(colon + 1));
    int64_t kibibytes = 0;
    if (value >> kibibytes) visit(line.substr(0, colon), kibibytes * 1024);
  }
}

// The free memory and what the system would take back from caches, before anything is swapped.
int64_t FreeMachineMemory() {
  int64_t available = 0;
  ReadKibibyteLines("/proc/meminfo", [&](const std::string& name, int64_t bytes) {
    if (name == "MemAvailable") available = bytes;
  });
  return available;
}

}  // namespace

ProcessMemory ReadProcessMemory() {
  ProcessMemory memory;
  ReadKibibyteLines("/proc/self/status", [&](const std::string& name, int64_t bytes) {
    if (name == "RssAnon") memory.anonymous = bytes;
    if (name == "RssFile" || name == "RssShmem") memory.file += bytes;
    if (name == "VmHWM") memory.peak = bytes;
    if (name == "VmSize") memory.address_space = bytes;
    if (name == "VmData") memory.data = bytes;
  });
  return memory;
}

namespace {

// The sum of the rows of /proc/self/smaps that begin with one of `names`, over mappings that
// overlap one of `ranges`.
int64_t SumOfMappings(const std::vector<std::span<const uint8_t>>& ranges,
                      const std::vector<std::string>& names) {
  const auto overlaps = [&](uintptr_t begin, uintptr_t end) {
    return std::any_of(ranges.begin(), ranges.end(), [&](std::span<const uint8_t> range) {
      const auto first = reinterpret_cast<uintptr_t>(range.data());
      return first < end && begin < first + range.size();
    });
  };
  std::ifstream file("/proc/self/smaps");
  int64_t sum = 0;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-') {
      inside = overlaps(begin, end);
      continue;
    }
    for (const std::string& name : names) {
      if (!inside || !line.starts_with(name)) continue;
      std::istringstream value(line.substr(name.size()));
      int64_t kibibytes = 0;
      if (value >> kibibytes) sum += kibibytes * 1024;
    }
  }
  return sum;
}

}  // namespace

int64_t ResidentBytesOf(const std::vector<std::span<const uint8_t>>& ranges) {
  return SumOfMappings(ranges, {"Rss:"});
}

int64_t LargePageBytesOf(const std::vector<std::span<const uint8_t>>& ranges) {
  return SumOfMappings(ranges, {"AnonHugePages:", "FilePmdMapped:"});
}

int64_t ThreadStackBytes() {
  pthread_attr_t attributes;
  if (pthread_getattr_default_np(&attributes) != 0) return int64_t{8} << 20;
  size_t stack = 0, guard = 0;
  pthread_attr_getstacksize(&attributes, &stack);
  pthread_attr_getguardsize(&attributes, &guard);
  pthread_attr_destroy(&attributes);
  return static_cast<int64_t>(stack + guard);
}

std::vector<MemoryBound> ResidentBounds(const ProcessMemory& now) {
  std::vector<MemoryBound> bounds;
  if (const CgroupMemory group = ReadCgroupMemory(); group.limit > 0) {
    const int64_t others = std::max<int64_t>(0, group.anonymous - now.anonymous);
    bounds.push_back({std::max<int64_t>(0, group.limit - others), "the memory cgroup"});
  }
  if (const int64_t available = FreeMachineMemory(); available > 0) {
    bounds.push_back({available + now.resident(), "the free memory of this machine"});
  }
  return bounds;
}

SpaceLimits ReadSpaceLimits() {
  const auto limit = [](__rlimit_resource resource) {
    rlimit value{};
    if (getrlimit(resource, &value) != 0 || value.rlim_cur == RLIM_INFINITY) return int64_t{0};
    return static_cast<int64_t>(std::min<rlim_t>(value.rlim_cur, INT64_MAX));
  };
  return {limit(RLIMIT_AS), limit(RLIMIT_DATA)};
}

}  // namespace tael
