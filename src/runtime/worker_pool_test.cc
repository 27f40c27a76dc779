#include "runtime/worker_pool.h"

#include <gtest/gtest.h>

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
