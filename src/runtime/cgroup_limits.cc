#include "runtime/cgroup_limits.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace tael {
namespace {

// Where the unified hierarchy is: alone, or beside those of version 1.
constexpr const char* kUnified[] = {"", "/unified"};

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// This process's path in a hierarchy, "" if there is none: of the line "0::/a/b" of
// /proc/self/cgroup for the unified one, of "4:cpu,cpuacct:/a/b" for version 1's "cpu".
std::string GroupPath(const CgroupFiles& files, const std::string& controller) {
  std::ifstream file(files.groups);
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    if (names == "," + controller + "," ||
        (!controller.empty() && names.find("," + controller + ",") != std::string::npos)) {
      return line.substr(second + 1);
    }
  }
  return "";
}

// Calls visit(directory) for this process's group below a folder of the mounts and each of its
// ancestors. A container may see its own group as the root: what is not there says nothing.
template <typename Visit>
void VisitLevels(const CgroupFiles& files, const std::string& folder, const std::string& controller,
                 const Visit& visit) {
  const std::string root = files.mounts + folder;
  std::string path = GroupPath(files, controller);
  if (path == "/") path.clear();
  for (;;) {
    visit(root + path);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return;
    path.resize(slash);
  }
}

// Value of a "name value" line; 0 when absent.
int64_t StatValue(const std::string& path, const std::string& wanted) {
  std::ifstream file(path);
  std::string name;
  for (int64_t value = 0; file >> name >> value;) {
    if (name == wanted) return value;
  }
  return 0;
}

}  // namespace

double CgroupCpuQuota(const CgroupFiles& files) {
  double best = 0;
  const auto lower = [&](double quota, double period) {
    if (quota > 0 && period > 0 && (best == 0 || quota / period < best)) best = quota / period;
  };
  for (const char* folder : kUnified) {
    VisitLevels(files, folder, "", [&](const std::string& directory) {
      // "max 100000" or "150000 100000"
      std::istringstream line(FirstLine(directory + "/cpu.max"));
      double quota = 0, period = 0;
      if (line >> quota >> period) lower(quota, period);
    });
  }
  VisitLevels(files, "/cpu", "cpu", [&](const std::string& directory) {
    std::istringstream quota_line(FirstLine(directory + "/cpu.cfs_quota_us"));
    std::istringstream period_line(FirstLine(directory + "/cpu.cfs_period_us"));
    double quota = 0, period = 0;
    if ((quota_line >> quota) && (period_line >> period)) lower(quota, period);
  });
  return best;
}

CgroupMemory ReadCgroupMemory(const CgroupFiles& files) {
  CgroupMemory best;
  const auto lower = [&](const std::string& directory, const char* limit_file,
                         const char* anonymous, const char* shared) {
    std::istringstream line(FirstLine(directory + limit_file));
    int64_t bytes = 0;
    // Version 1 writes a number near 2^63 for "no limit", version 2 "max".
    if (!(line >> bytes) || bytes <= 0 || bytes >= (int64_t{1} << 60)) return;
    // Beside what processes hold: files in memory (tmpfs), which cannot be given back either.
    const std::string stat = directory + "/memory.stat";
    const int64_t used = StatValue(stat, anonymous) + StatValue(stat, shared);
    if (best.limit == 0 || bytes - used < best.limit - best.anonymous) best = {bytes, used};
  };
  for (const char* folder : kUnified) {
    VisitLevels(files, folder, "", [&](const std::string& directory) {
      lower(directory, "/memory.max", "anon", "shmem");
    });
  }
  VisitLevels(files, "/memory", "memory", [&](const std::string& directory) {
    lower(directory, "/memory.limit_in_bytes", "total_rss", "total_shmem");
  });
  return best;
}

}  // namespace tael
