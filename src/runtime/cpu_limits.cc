#include "runtime/cpu_limits.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace tael {
namespace {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// This process's path in the unified hierarchy ("0::/a/b" in /proc/self/cgroup), "" if there is
// none.
std::string UnifiedPath() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  }
  return "";
}

// Calls visit(directory) for this process's unified cgroup and each of its ancestors.
template <typename Visit>
void VisitLevels(const Visit& visit) {
  std::string path = UnifiedPath();
  for (;;) {
    visit("/sys/fs/cgroup" + path);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return;
    path.resize(slash);
  }
}

}  // namespace

double CgroupCpuQuota() {
  double best = 0;
  const auto lower = [&](double quota, double period) {
    if (quota > 0 && period > 0 && (best == 0 || quota / period < best)) best = quota / period;
  };
  VisitLevels([&](const std::string& directory) {
    std::istringstream line(FirstLine(directory + "/cpu.max"));  // "max 100000" or "150000 100000"
    double quota = 0, period = 0;
    if (line >> quota >> period) lower(quota, period);
  });
  const std::string v1 = "/sys/fs/cgroup/cpu/cpu.cfs_";
  std::istringstream quota_line(FirstLine(v1 + "quota_us")),
      period_line(FirstLine(v1 + "period_us"));
  double quota = 0, period = 0;
  if ((quota_line >> quota) && (period_line >> period)) lower(quota, period);
  return best;
}

int64_t CgroupMemoryLimit() {
  int64_t best = 0;
  const auto lower = [&](const std::string& text) {
    std::istringstream line(text);
    int64_t bytes = 0;
    // cgroup v1 writes a number near 2^63 for "no limit".
    if ((line >> bytes) && bytes > 0 && bytes < (int64_t{1} << 60) && (best == 0 || bytes < best)) {
      best = bytes;
    }
  };
  VisitLevels([&](const std::string& directory) { lower(FirstLine(directory + "/memory.max")); });
  lower(FirstLine("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  return best;
}

}  // namespace tael
