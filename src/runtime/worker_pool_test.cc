#include "runtime/worker_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstring>
#include <vector>

#include "runtime/arena.h"

namespace tael {
namespace {

TEST(WorkerPool, VisitsEveryIndexOnceForAnyThreadCountAndGrain) {
  for (int threads : {1, 2, 3, 5}) {
    WorkerPool pool(threads);
    for (int64_t count : {0, 1, 2, 3, 7, 64, 513}) {
      for (int64_t grain : {1, 4, 16}) {
        std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
        pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(begin % grain, 0);
          for (int64_t i = begin; i < end; ++i) visits[static_cast<size_t>(i)].fetch_add(1);
        });
        for (const auto& visit : visits) EXPECT_EQ(visit.load(), 1);
      }
    }
  }
}

TEST(WorkerPool, SurvivesManyShortLoops) {
  WorkerPool pool(3);
  std::atomic<int64_t> total{0};
  for (int round = 0; round < 2000; ++round) {
    pool.ParallelFor(3, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
  }
  EXPECT_EQ(total.load(), 6000);
}

// Workers that a loop does not need are not waited for and may sleep through many of them.
TEST(WorkerPool, LoopsOfAnyNumberOfPartsFollowEachOther) {
  for (const int spin : {0, 1, 100}) {
    WorkerPool pool(4, {.spin_microseconds = spin});
    for (int64_t round = 0; round < 3000; ++round) {
      const int64_t parts = 1 + round * 7 % 5 % 4;
      std::vector<int64_t> seen(static_cast<size_t>(parts), 0);
      pool.ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)] += round + 1;
      });
      for (const int64_t value : seen) ASSERT_EQ(value, round + 1);
    }
  }
}

TEST(WorkerPool, CountsLoopsInWhichThreadsMeet) {
  WorkerPool pool(3);
  const auto nothing = [](int64_t, int64_t) {};
  pool.ParallelFor(1, 1, nothing);
  pool.ParallelFor(16, 16, nothing);
  EXPECT_EQ(pool.barriers(), 0);
  pool.ParallelFor(2, 1, nothing);
  pool.ParallelFor(300, 1, nothing);
  EXPECT_EQ(pool.barriers(), 2);
}

std::vector<int> CpusOfThisThread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(pthread_getaffinity_np(pthread_self(), sizeof(set), &set), 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

TEST(WorkerPool, WorkersStayWhereTheyWerePutAndTheCallerReturns) {
  const std::vector<int> all = CpusOfThisThread();
  const int first = all.front(), last = all.back();
  {
    WorkerPool pool(2, {.places = {{first}, {last, 100'000, -1}}});
    std::vector<std::vector<int>> seen(2);
    pool.ParallelFor(2, 1, [&](int64_t begin, int64_t) {
      seen[static_cast<size_t>(begin)] = CpusOfThisThread();
    });
    EXPECT_EQ(seen[0], std::vector<int>{first});
    EXPECT_EQ(seen[1], std::vector<int>{last});
    EXPECT_GE(AvailableCpus(), 1);
    WorkerPool inner(2);  // does not inherit the place of the caller
    inner.ParallelFor(2, 1, [&](int64_t begin, int64_t) {
      seen[static_cast<size_t>(begin)] = CpusOfThisThread();
    });
    EXPECT_EQ(seen[1], all);
  }
  EXPECT_EQ(CpusOfThisThread(), all);
}

TEST(WorkerPool, PlacesAreOneCpuEachOrNone) {
  const std::vector<int> all = CpusOfThisThread();
  const int cpus = AvailableCpus();
  if (cpus > 1 && cpus == std::ssize(all)) {
    const auto places = DefaultPlaces(0);
    ASSERT_EQ(std::ssize(places), cpus);
    for (size_t i = 0; i < places.size(); ++i) EXPECT_EQ(places[i], std::vector<int>{all[i]});
    EXPECT_EQ(DefaultPlaces(cpus), places);
  }
  EXPECT_TRUE(DefaultPlaces(cpus + 1).empty());
}

TEST(WorkerPool, UsesAtLeastOneCpu) { EXPECT_GE(AvailableCpus(), 1); }

TEST(Arena, CountsWhatItsImaginedTwinWouldHandOut) {
  Arena real, imagined{Arena::Imagined{}};
  for (Arena* arena : {&real, &imagined}) {
    arena->Allocate<char>(100);
    const Arena::Position mark = arena->Mark();
    arena->Allocate<float>(3 << 20);
    arena->Release(mark);
    arena->Allocate<double>(1 << 20);
  }
  EXPECT_EQ(real.peak(), imagined.peak());
  EXPECT_EQ(real.peak(), 128 + (3 << 22));
}

TEST(WorkerPool, RunsNothingWhenImagined) {
  WorkerPool pool(WorkerPool::Imagined{7});
  EXPECT_EQ(pool.size(), 7);
  pool.ParallelFor(10, 1, [](int64_t, int64_t) { FAIL(); });
}

TEST(Arena, AlignsAndReusesMemory) {
  Arena arena;
  auto* first = arena.Allocate<float>(3);
  auto* second = arena.Allocate<char>(1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second) % 64, 0u);
  EXPECT_NE(static_cast<void*>(first), static_cast<void*>(second));
  const Arena::Position mark = arena.Mark();
  auto* third = arena.Allocate<char>(8 << 20);  // forces a second chunk
  std::memset(third, 1, 8 << 20);
  arena.Release(mark);
  EXPECT_EQ(static_cast<void*>(arena.Allocate<char>(64)), static_cast<void*>(second + 64));
  arena.Reset();
  EXPECT_NE(arena.Allocate<char>(8 << 20), nullptr);
}

}  // namespace
}  // namespace tael
