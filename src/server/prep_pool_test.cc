#include "server/prep_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "server/turnstile.h"

namespace tael {
namespace {

TEST(PrepPoolTest, OwnersTakeTurns) {
  std::vector<uint64_t> order;
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  {
    PrepPool pool(1, 100);
    ASSERT_TRUE(pool.Post(9, [gate] { gate.wait(); }));
    while (pool.waiting() > 0) std::this_thread::yield();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool.Post(1, [&] { order.push_back(1); }));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.Post(2, [&] { order.push_back(2); }));
    go.set_value();
  }
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2, 1, 2, 1}));
}

TEST(PrepPoolTest, RefusesWhatIsTooMuchAndRunsTheRest) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::atomic<int> ran = 0;
  {
    PrepPool pool(1, 2);
    ASSERT_TRUE(pool.Post(1, [gate] { gate.wait(); }));
    while (pool.waiting() > 0) std::this_thread::yield();
    EXPECT_TRUE(pool.Post(1, [&] { ++ran; }));
    EXPECT_TRUE(pool.Post(1, [&] { ++ran; }));
    EXPECT_FALSE(pool.Post(1, [&] { ++ran; }));
    pool.PostRest(1, [&] { ++ran; });
    go.set_value();
  }
  EXPECT_EQ(ran, 3);
}

TEST(PrepPoolTest, TheRestRunsAlsoWhenTheThreadsHaveEnded) {
  PrepPool pool(2, 10);
  pool.Stop();
  int ran = 0;
  pool.PostRest(1, [&] { ++ran; });
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(pool.Post(1, [&] { ++ran; }));
  EXPECT_EQ(ran, 1);
}

TEST(TurnstileTest, NobodyGoesTwiceWhileAnotherWaits) {
  Turnstile turns;
  std::vector<int> order;  // guarded by turns
  std::atomic<int> ready = 0;
  const auto run = [&](int who) {
    ++ready;
    while (ready < 2) std::this_thread::yield();
    for (int i = 0; i < 200; ++i) {
      turns.lock();
      order.push_back(who);
      // Long enough for the other to ask.
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      turns.unlock();
    }
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  int changes = 0;
  for (size_t i = 1; i < order.size(); ++i) changes += order[i] != order[i - 1] ? 1 : 0;
  EXPECT_EQ(order.size(), 400);
  EXPECT_GT(changes, 200);
}

}  // namespace
}  // namespace tael
