#include "app/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>

#include "runtime/process_memory.h"

namespace tael {
std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  utsname system{};
  return uname(&system) == 0 ? system.machine : "unknown";
}

int64_t MemoryInfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (int64_t kibibytes = 0; file >> name >> kibibytes >> unit;) {
    if (name == key + ":") return kibibytes * 1024;
  }
  return 0;
}

int64_t AvailableMemory() {
  const ProcessMemory now = ReadProcessMemory();
  int64_t least = 0;
  for (const MemoryBound& bound : ResidentBounds(now)) {
    const int64_t left = std::max<int64_t>(1, bound.bytes - now.resident());
    if (least == 0 || left < least) least = left;
  }
  return least;
}

double LoadAverage() {
  std::ifstream file("/proc/loadavg");
  double load = -1;
  return file >> load ? load : -1;
}

}  // namespace tael
