#include "app/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "runtime/cpu_limits.h"

namespace tael {
namespace {

// Memory of this process that no file backs and that is resident, in bytes.
int64_t OwnMemory() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0, resident = 0, shared = 0;
  if (!(file >> size >> resident >> shared)) return 0;
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

}  // namespace

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
  const int64_t available = MemoryInfo("MemAvailable");
  const int64_t limit = CgroupMemoryLimit();
  if (limit == 0) return available;
  const int64_t left = std::max<int64_t>(1, limit - OwnMemory());
  return available == 0 ? left : std::min(available, left);
}

double LoadAverage() {
  std::ifstream file("/proc/loadavg");
  double load = -1;
  return file >> load ? load : -1;
}

}  // namespace tael
