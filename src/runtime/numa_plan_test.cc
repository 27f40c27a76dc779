// Machines that are not at hand: trees of files as the kernel writes them, and placements on them.
#include "runtime/numa_plan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>
#include <set>

#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

std::vector<int> Range(int first, int count) {
  std::vector<int> cpus(static_cast<size_t>(count));
  std::iota(cpus.begin(), cpus.end(), first);
  return cpus;
}

MemoryNode Node(int id, const std::vector<int>& cpus, bool has_memory = true) {
  MemoryNode node{.id = id, .has_memory = has_memory};
  for (const int cpu : cpus) node.cores.push_back({cpu});
  return node;
}

std::vector<int> WorkersOf(const NumaPlan& plan) {
  std::vector<int> workers;
  workers.reserve(plan.nodes.size());
  for (const auto& node : plan.nodes) workers.push_back(node.workers);
  return workers;
}

TEST(CpuList, IsReadAsTheKernelWritesIt) {
  EXPECT_EQ(ParseCpuList("0-3,8,10-11\n"), (std::vector<int>{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(ParseCpuList("5"), std::vector<int>{5});
  EXPECT_EQ(ParseCpuList("\n"), std::vector<int>());
  EXPECT_EQ(ParseCpuList("2,1,1-2"), (std::vector<int>{1, 2}));
  for (const char* bad : {"a", "1-", "-1", "3-1", "1,", ",1", "1 2", "0x3", "0-99999999", "1--2"}) {
    EXPECT_EQ(ParseCpuList(bad), std::nullopt) << bad;
  }
}

class Topology : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    folder_.Write(name, text);
  }
  CpuTopology Read(const std::vector<int>& allowed) {
    return ReadTopology(folder_.path(), allowed);
  }

  TemporaryFolder folder_;
};

TEST_F(Topology, NodesCoresAndMemoryAreRead) {
  Write("node/node0/cpulist", "0-1,4-5\n");
  Write("node/node0/meminfo", "Node 0 MemTotal:       1024 kB\nNode 0 MemFree: 3 kB\n");
  Write("node/node1/cpulist", "2-3,6-7\n");
  Write("node/node1/meminfo", "Node 1 MemTotal:       0 kB\n");
  Write("node/node2/cpulist", "\n");  // memory without CPUs
  Write("node/possible", "0-2\n");
  for (int cpu = 0; cpu < 8; ++cpu) {
    Write("cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
          std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4) + "\n");
  }
  const CpuTopology machine = Read(Range(0, 8));
  EXPECT_EQ(machine.note, "");
  ASSERT_EQ(machine.nodes.size(), 2u);
  EXPECT_EQ(machine.nodes[0].cores, (std::vector<std::vector<int>>{{0, 4}, {1, 5}}));
  EXPECT_TRUE(machine.nodes[0].has_memory);
  EXPECT_EQ(machine.nodes[1].cores, (std::vector<std::vector<int>>{{2, 6}, {3, 7}}));
  EXPECT_FALSE(machine.nodes[1].has_memory);
  // A cpuset that leaves out a node and half of each core.
  const CpuTopology part = Read({0, 1});
  ASSERT_EQ(part.nodes.size(), 1u);
  EXPECT_EQ(part.nodes[0].cores, (std::vector<std::vector<int>>{{0}, {1}}));
}

TEST_F(Topology, IsOneNodeWhereTheSystemDoesNotSayMore) {
  const CpuTopology none = Read({1, 3});
  ASSERT_EQ(none.nodes.size(), 1u);
  EXPECT_EQ(none.nodes[0].cores, (std::vector<std::vector<int>>{{1}, {3}}));
  EXPECT_NE(none.note, "");
  Write("node/node0/cpulist", "0-1\n");
  Write("node/nodeX/cpulist", "7\n");
  EXPECT_EQ(Read({0, 1}).note, "");
  EXPECT_NE(Read({0, 1, 2}).note.find("CPU 2"), std::string::npos);
  EXPECT_EQ(Read({0, 1, 2}).nodes.size(), 1u);
  Write("node/node1/cpulist", "2-\n");
  EXPECT_NE(Read({0, 1, 2}).note.find("node1/cpulist"), std::string::npos);
  Write("cpu/cpu0/topology/thread_siblings_list", "rubbish");
  Write("node/node1/cpulist", "2\n");
  EXPECT_EQ(Read({0, 1, 2}).nodes.size(), 2u);
}

TEST(NumaPlan, OneNodeHasAllWorkers) {
  const CpuTopology machine{.nodes = {Node(0, Range(0, 4))}};
  const NumaPlan all = PlanNuma(machine, 4);
  EXPECT_EQ(all.places, (std::vector<std::vector<int>>{{0}, {1}, {2}, {3}}));
  EXPECT_EQ(PlanNuma(machine, 2).places, (std::vector<std::vector<int>>(2, Range(0, 4))));
  EXPECT_EQ(ToText(all), "node 0: workers 0 to 3, on one CPU each: 0 1 2 3\n");
  EXPECT_EQ(PlanNuma(machine, 9).places, (std::vector<std::vector<int>>(9, Range(0, 4))));
}

TEST(NumaPlan, TwoNodesOfSixteenShareEvenly) {
  const CpuTopology machine{.nodes = {Node(0, Range(0, 16)), Node(1, Range(16, 16))}};
  for (const int threads : {2, 10, 32, 64}) {
    const NumaPlan plan = PlanNuma(machine, threads);
    EXPECT_EQ(WorkersOf(plan), (std::vector<int>{threads / 2, threads / 2}));
    EXPECT_EQ(plan.nodes[1].first_worker, threads / 2);
  }
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 1)), std::vector<int>{1});
}

TEST(NumaPlan, UnevenNodesGetThreadsInTheMeasureOfTheirCores) {
  const CpuTopology machine{.nodes = {Node(0, Range(0, 8)), Node(1, Range(8, 4)),
                                      Node(4, Range(12, 2)), Node(5, Range(14, 2))}};
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 16)), (std::vector<int>{8, 4, 2, 2}));
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 8)), (std::vector<int>{4, 2, 1, 1}));
  const NumaPlan odd = PlanNuma(machine, 7);
  const std::vector<int> workers = WorkersOf(odd);
  EXPECT_EQ(std::accumulate(workers.begin(), workers.end(), 0), 7);
}

TEST(NumaPlan, NodesWithoutMemoryComeLast) {
  const CpuTopology machine{
      .nodes = {Node(0, Range(0, 4)), Node(1, Range(4, 4), false), Node(2, Range(8, 4))}};
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 8)), (std::vector<int>{4, 4}));
  const NumaPlan all = PlanNuma(machine, 12);
  EXPECT_EQ(WorkersOf(all), (std::vector<int>{4, 4, 4}));
}

TEST(NumaPlan, HardwareThreadsOfACoreAreTakenAfterAllCores) {
  MemoryNode first{.id = 0}, second{.id = 1};
  for (int core = 0; core < 4; ++core) {  // numbered as most systems do: siblings 8 apart
    first.cores.push_back({core, core + 8});
    second.cores.push_back({core + 4, core + 12});
  }
  const CpuTopology machine{.nodes = {first, second}};
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 8)), (std::vector<int>{4, 4}));
  const NumaPlan all = PlanNuma(machine, 16);
  std::set<int> cpus;
  for (const auto& place : all.places) {
    ASSERT_EQ(place.size(), 1u);
    cpus.insert(place.front());
  }
  EXPECT_EQ(cpus.size(), 16u);
  EXPECT_EQ(all.places[3], std::vector<int>{3});
  EXPECT_EQ(all.places[4], std::vector<int>{8});  // the first node's second hardware threads
  EXPECT_EQ(all.places[8], std::vector<int>{4});
}

// Eight nodes of one package, each a group of cores with a cache of its own.
TEST(NumaPlan, ManySmallNodesEachGetTheirShare) {
  CpuTopology machine;
  for (int node = 0; node < 8; ++node) machine.nodes.push_back(Node(node, Range(8 * node, 8)));
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 64)), std::vector<int>(8, 8));
  EXPECT_EQ(WorkersOf(PlanNuma(machine, 24)), std::vector<int>(8, 3));
  EXPECT_EQ(PlanNuma(machine, 3).nodes.size(), 3u);
}

}  // namespace
}  // namespace tael
