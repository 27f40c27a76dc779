// Limits of control groups, read from trees of files like those that the kernel shows.
#include "runtime/cgroup_limits.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

class CgroupLimits : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    folder_.Write(name, text);
  }
  CgroupFiles files() const { return {folder_.path() + "/self", folder_.path() + "/fs"}; }

  TemporaryFolder folder_;
};

TEST_F(CgroupLimits, NothingThereMeansNoLimit) {
  EXPECT_EQ(CgroupCpuQuota(files()), 0);
  EXPECT_EQ(ReadCgroupMemory(files()).limit, 0);
  Write("self", "0::/\n");
  Write("fs/cgroup.controllers", "cpu memory\n");  // the root has no limits
  EXPECT_EQ(CgroupCpuQuota(files()), 0);
  EXPECT_EQ(ReadCgroupMemory(files()).limit, 0);
}

TEST_F(CgroupLimits, TheLeastQuotaOfAllAncestorsCounts) {
  Write("self", "0::/slice/service/job\n");
  Write("fs/slice/cpu.max", "400000 100000\n");
  Write("fs/slice/service/cpu.max", "150000 100000\n");
  Write("fs/slice/service/job/cpu.max", "max 100000\n");
  EXPECT_EQ(CgroupCpuQuota(files()), 1.5);
  Write("fs/slice/service/job/cpu.max", "50000 100000\n");
  EXPECT_EQ(CgroupCpuQuota(files()), 0.5);
}

TEST_F(CgroupLimits, AContainerSeesItsGroupAsTheRoot) {
  Write("self", "0::/system.slice/container-17.scope\n");  // of the host: not mounted here
  Write("fs/cpu.max", "200000 100000\n");
  Write("fs/memory.max", "1048576000\n");
  EXPECT_EQ(CgroupCpuQuota(files()), 2);
  EXPECT_EQ(ReadCgroupMemory(files()).limit, 1'048'576'000);
  Write("self", "0::/../../outside\n");
  EXPECT_EQ(CgroupCpuQuota(files()), 2);
}

TEST_F(CgroupLimits, WhatCannotBeReadIsNoLimit) {
  Write("self", "0::/a\nnonsense\n1:no-second-colon\n");
  for (const char* text : {"", "max", "abc def\n", "-1 100000\n", "100000 0\n", "100000\n"}) {
    Write("fs/a/cpu.max", text);
    EXPECT_EQ(CgroupCpuQuota(files()), 0) << text;
  }
  for (const char* text : {"", "max\n", "-5\n", "0\n", "x\n", "9223372036854771712\n"}) {
    Write("fs/a/memory.max", text);
    EXPECT_EQ(ReadCgroupMemory(files()).limit, 0) << text;
  }
}

TEST_F(CgroupLimits, VersionOneHasAPathPerController) {
  Write("self", "7:memory:/m/job\n4:cpu,cpuacct:/c\n1:name=systemd:/s\n0::/u\n");
  Write("fs/cpu/c/cpu.cfs_quota_us", "250000\n");
  Write("fs/cpu/c/cpu.cfs_period_us", "100000\n");
  Write("fs/cpu/cpu.cfs_quota_us", "-1\n");
  Write("fs/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuQuota(files()), 2.5);
  Write("fs/memory/m/memory.limit_in_bytes", "104857600\n");
  Write("fs/memory/m/job/memory.limit_in_bytes", "9223372036854771712\n");  // none
  Write("fs/memory/m/memory.stat", "cache 5\ntotal_rss 1048576\ntotal_shmem 1048576\n");
  const CgroupMemory memory = ReadCgroupMemory(files());
  EXPECT_EQ(memory.limit, 100 * kMiB);
  EXPECT_EQ(memory.anonymous, 2 * kMiB);
}

TEST_F(CgroupLimits, TheUnifiedHierarchyMayStandBesideVersionOne) {
  Write("self", "4:cpu,cpuacct:/c\n0::/u\n");
  Write("fs/unified/u/cpu.max", "100000 100000\n");
  Write("fs/cpu/c/cpu.cfs_quota_us", "300000\n");
  Write("fs/cpu/c/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuQuota(files()), 1);
}

TEST_F(CgroupLimits, TheMemoryLevelThatLeavesLeastCounts) {
  Write("self", "0::/a/b\n");
  Write("fs/a/memory.max", std::to_string(1000 * kMiB));
  Write("fs/a/memory.stat", "anon " + std::to_string(900 * kMiB) + "\nshmem 0\n");
  Write("fs/a/b/memory.max", std::to_string(500 * kMiB));
  Write("fs/a/b/memory.stat", "anon " + std::to_string(100 * kMiB) + "\nfile 7\nshmem 1048576\n");
  const CgroupMemory memory = ReadCgroupMemory(files());
  EXPECT_EQ(memory.limit, 1000 * kMiB);  // others of the parent hold 800
  EXPECT_EQ(memory.anonymous, 900 * kMiB);
}

}  // namespace
}  // namespace tael
