#include "runtime/cpu_topology.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "base/error.h"

namespace tael {
namespace {

constexpr int kMostCpus = 1 << 16;  // larger numbers are not believed

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<int> ParseNumber(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || value < 0 || value >= kMostCpus) return std::nullopt;
  return value;
}

// Of "Node 0 MemTotal:  123 kB". What cannot be read counts as memory: almost every node has some.
bool HasMemory(const std::string& folder) {
  std::istringstream text(ReadText(folder + "/meminfo").value_or(""));
  for (std::string word; text >> word;) {
    long long kibibytes = 0;
    if (word == "MemTotal:" && text >> kibibytes) return kibibytes > 0;
  }
  return true;
}

// Those of `cpus` that are hardware threads of one core stand together.
std::vector<std::vector<int>> CoresOf(const std::string& root, const std::vector<int>& cpus) {
  std::vector<std::vector<int>> cores;
  std::set<int> placed;
  for (const int cpu : cpus) {
    if (placed.contains(cpu)) continue;
    const std::string path =
        root + "/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list";
    const auto siblings = ParseCpuList(ReadText(path).value_or(""));
    std::vector<int> core = {cpu};
    for (const int other : siblings.value_or(std::vector<int>())) {
      const bool here = std::binary_search(cpus.begin(), cpus.end(), other);
      if (other > cpu && here && !placed.contains(other)) core.push_back(other);
    }
    placed.insert(core.begin(), core.end());
    cores.push_back(core);
  }
  return cores;
}

CpuTopology OneNode(const std::string& root, const std::vector<int>& allowed, std::string note) {
  return {.nodes = {{.id = 0, .has_memory = true, .cores = CoresOf(root, allowed)}},
          .note = std::move(note)};
}

// Ids of node/node*, ascending.
std::vector<int> NodeIds(const std::string& root) {
  std::vector<int> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root + "/node", error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("node")) continue;
    if (const auto id = ParseNumber(std::string_view(name).substr(4))) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

std::optional<std::vector<int>> ParseCpuList(const std::string& text) {
  std::vector<int> cpus;
  std::string_view rest = text;
  while (!rest.empty() && (rest.back() == '\n' || rest.back() == ' ')) rest.remove_suffix(1);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    if (comma + 1 == rest.size()) return std::nullopt;  // nothing behind the comma
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const size_t dash = std::min(part.find('-'), part.size());
    const auto first = ParseNumber(part.substr(0, dash));
    const auto last = dash == part.size() ? first : ParseNumber(part.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

CpuTopology ReadTopology(const std::string& root, const std::vector<int>& allowed) {
  TAEL_CHECK(!allowed.empty());
  CpuTopology topology;
  std::set<int> left(allowed.begin(), allowed.end());
  for (const int id : NodeIds(root)) {
    const std::string folder = root + "/node/node" + std::to_string(id);
    const auto cpus = ParseCpuList(ReadText(folder + "/cpulist").value_or("?"));
    if (!cpus) return OneNode(root, allowed, folder + "/cpulist is missing or malformed");
    std::vector<int> mine;
    for (const int cpu : *cpus) {
      if (left.erase(cpu) != 0) mine.push_back(cpu);
    }
    if (mine.empty()) continue;  // memory only, or a set of CPUs leaves the node out
    topology.nodes.push_back(
        {.id = id, .has_memory = HasMemory(folder), .cores = CoresOf(root, mine)});
  }
  if (topology.nodes.empty()) return OneNode(root, allowed, root + "/node names no usable CPU");
  if (!left.empty()) {
    return OneNode(root, allowed, "CPU " + std::to_string(*left.begin()) + " belongs to no node");
  }
  return topology;
}

}  // namespace tael
