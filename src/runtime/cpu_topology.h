// Which CPUs and memory nodes this machine has, as far as this process may use them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tael {

struct MemoryNode {
  int id = 0;
  bool has_memory = true;
  // CPUs by core, cores in the order of their first CPUs; the CPUs of a core are its hardware
  // threads.
  std::vector<std::vector<int>> cores = {};
};

struct CpuTopology {
  std::vector<MemoryNode> nodes;  // by id; without those whose CPUs may not be used. Never empty.
  std::string note = {};          // why it is one node, if the system did not say so; else ""
};

// "0-3,8,10-11" -> 0 1 2 3 8 10 11; nothing where it is malformed. Empty text: no CPU.
std::optional<std::vector<int>> ParseCpuList(const std::string& text);

inline constexpr const char* kSystemDevices = "/sys/devices/system";

// Reads node/node*/{cpulist,meminfo} and cpu/cpu*/topology/thread_siblings_list below `root`
// (kSystemDevices). Without nodes there, or with malformed ones, all of `allowed` is one node.
// REQUIRES: `allowed`, the CPUs that may be used, is ascending and not empty.
CpuTopology ReadTopology(const std::string& root, const std::vector<int>& allowed);

}  // namespace tael
