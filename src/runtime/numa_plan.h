// Which CPUs each worker may run on: a pure function of the machine and the number of threads.
#pragma once

#include <string>
#include <vector>

#include "runtime/cpu_topology.h"

namespace tael {

struct NumaPlan {
  struct Node {
    int id = 0;
    int first_worker = 0, workers = 0;
  };
  std::vector<Node> nodes;  // that have workers, by id
  std::vector<std::vector<int>>
      places;  // of each worker, the workers of a node one after the other

  int threads() const { return static_cast<int>(places.size()); }
};

// Nodes get threads in the measure of their cores, a core for each while there are some, then
// second hardware threads; nodes without memory come last. Where there are as many threads as CPUs
// each worker has one of them; otherwise all of its node, so that programs beside each other do not
// choose the same ones. REQUIRES: threads > 0.
NumaPlan PlanNuma(const CpuTopology& topology, int threads);

std::string ToText(const NumaPlan& plan);  // a line per node

}  // namespace tael
