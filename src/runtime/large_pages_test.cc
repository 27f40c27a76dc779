#include "runtime/large_pages.h"

#include <gtest/gtest.h>

#include "base/memory.h"

namespace tael {
namespace {

constexpr double kSmall = 1e-3;

// Windows of large pages among the next `count`, by what windows take.
int LargeOf(LargePageTrial& trial, int count, double large_seconds, double small_seconds) {
  int large = 0;
  for (int i = 0; i < count; ++i) {
    const bool is_large = trial.NextIsLarge();
    large += is_large ? 1 : 0;
    trial.Note(is_large, is_large ? large_seconds : small_seconds);
  }
  return large;
}

TEST(LargePageTrial, QuickLargePagesAreTakenThroughout) {
  LargePageTrial trial(kSmall);
  EXPECT_EQ(LargeOf(trial, 1000, 0.3 * kSmall, kSmall), 1000);
  EXPECT_EQ(LargeOf(trial, 1000, 1.9 * kSmall, kSmall), 1000) << "a little slower is repaid";
}

TEST(LargePageTrial, SlowOnesAreTriedAgainNowAndThen) {
  LargePageTrial trial(kSmall);
  constexpr int kTried = LargePageTrial::kJudged;
  constexpr int kRound = kTried + kTried + LargePageTrial::kPause;
  EXPECT_EQ(LargeOf(trial, 10 * kRound, 20 * kSmall, kSmall), 10 * kTried);
  EXPECT_EQ(LargeOf(trial, 1000, 0.3 * kSmall, kSmall), 1000) << "memory became whole again";
}

TEST(LargePageTrial, WhereAllMemoryIsSlowLargePagesStay) {
  LargePageTrial trial(kSmall);
  const int large = LargeOf(trial, 1000, 30 * kSmall, 60 * kSmall);
  EXPECT_EQ(large, 1000 - LargePageTrial::kJudged) << "compared once";
}

TEST(LargePageTrial, OneSlowPageIsNoReason) {
  LargePageTrial trial(kSmall);
  EXPECT_EQ(LargeOf(trial, 1, 8 * kSmall, kSmall), 1);
  EXPECT_EQ(LargeOf(trial, 500, 0.2 * kSmall, kSmall), 500);
}

TEST(PopulateWindow, MemoryIsZeroWithPagesOfBothSizes) {
  constexpr size_t kWindow = size_t{2} << 20;
  SystemMemory memory(4 * int64_t{kWindow});
  LargePageTrial trial(PopulateSmall(memory.bytes().first(kWindow)));
  for (size_t i = 1; i < 4; ++i) {
    PopulateWindow(memory.bytes().subspan(i * kWindow, kWindow), trial);
  }
  for (const uint8_t byte : memory.bytes()) ASSERT_EQ(byte, 0);
}

}  // namespace
}  // namespace tael
