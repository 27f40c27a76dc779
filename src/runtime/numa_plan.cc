#include "runtime/numa_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "base/error.h"

namespace tael {
namespace {

int Sum(const std::vector<int>& values) { return std::accumulate(values.begin(), values.end(), 0); }

// `amount` (at most the sum of `room`) shared out in the measure of `room`, never more than it: by
// largest remainder, of equal ones the first.
std::vector<int> Share(const std::vector<int>& room, int amount) {
  const int64_t total = Sum(room);
  std::vector<int> shares(room.size(), 0);
  if (total == 0) return shares;
  std::vector<size_t> order(room.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto remainder = [&](size_t i) { return int64_t{amount} * room[i] % total; };
  for (const size_t i : order) shares[i] = static_cast<int>(int64_t{amount} * room[i] / total);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainder(a) > remainder(b); });
  int left = amount - Sum(shares);
  for (const size_t i : order) {
    if (left > 0 && remainder(i) > 0) {
      ++shares[i];
      --left;
    }
  }
  return shares;
}

std::vector<int> CpusOf(const MemoryNode& node) {
  std::vector<int> cpus;  // one of every core, then the second ones
  for (size_t sibling = 0, before = 1; before != cpus.size() || sibling == 0; ++sibling) {
    before = cpus.size();
    for (const std::vector<int>& core : node.cores) {
      if (sibling < core.size()) cpus.push_back(core[sibling]);
    }
  }
  return cpus;
}

// Workers of every node.
std::vector<int> ShareThreads(const std::vector<MemoryNode>& nodes, int threads) {
  std::vector<int> counts(nodes.size(), 0);
  const auto hand_out = [&](const auto& room_of) {
    std::vector<int> room;
    room.reserve(nodes.size());
    for (const MemoryNode& node : nodes) room.push_back(room_of(node));
    const std::vector<int> more = Share(room, std::min(threads - Sum(counts), Sum(room)));
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += more[i];
  };
  const auto cores = [](const MemoryNode& node) { return static_cast<int>(node.cores.size()); };
  const auto cpus = [](const MemoryNode& node) { return static_cast<int>(CpusOf(node).size()); };
  hand_out([&](const MemoryNode& node) { return node.has_memory ? cores(node) : 0; });
  hand_out([&](const MemoryNode& node) { return node.has_memory ? 0 : cores(node); });
  hand_out([&](const MemoryNode& node) { return cpus(node) - cores(node); });
  while (Sum(counts) < threads) hand_out(cpus);
  return counts;
}

}  // namespace

NumaPlan PlanNuma(const CpuTopology& topology, int threads) {
  TAEL_CHECK(threads > 0 && !topology.nodes.empty());
  int cpus = 0;
  for (const MemoryNode& node : topology.nodes) cpus += static_cast<int>(CpusOf(node).size());
  const std::vector<int> counts = ShareThreads(topology.nodes, threads);
  NumaPlan plan;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const MemoryNode& node = topology.nodes[i];
    plan.nodes.push_back({node.id, plan.threads(), counts[i]});
    const std::vector<int> mine = CpusOf(node);
    for (int worker = 0; worker < counts[i]; ++worker) {
      if (threads == cpus) {
        plan.places.push_back({mine[static_cast<size_t>(worker)]});
      } else {
        plan.places.push_back(mine);
      }
    }
  }
  return plan;
}

std::string ToText(const NumaPlan& plan) {
  std::string text;
  for (const NumaPlan::Node& node : plan.nodes) {
    text += fmt::format("node {}: workers {} to {}", node.id, node.first_worker,
                        node.first_worker + node.workers - 1);
    const std::vector<int>& first = plan.places[static_cast<size_t>(node.first_worker)];
    text += first.size() == 1 ? ", on one CPU each:" : ", on any of the CPUs";
    const int end = node.first_worker + node.workers;
    for (int worker = node.first_worker; worker < end; ++worker) {
      const std::vector<int>& place = plan.places[static_cast<size_t>(worker)];
      if (worker > node.first_worker && place.size() > 1) break;  // all alike
      for (const int cpu : place) text += fmt::format(" {}", cpu);
    }
    text += '\n';
  }
  return text;
}

}  // namespace tael
