// The stopwatch of a profile: every moment counts once, for the innermost scope and its layer.
#include "ops/profile.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

namespace tael {
namespace {

constexpr auto kPause = std::chrono::milliseconds(5);
constexpr int64_t kPauseNanoseconds = 5'000'000;

void Pause() { std::this_thread::sleep_for(kPause); }

TEST(Profile, TimeCountsForTheInnermostScopeOfTheLayer) {
  Profile profile(2);
  profile.Start();
  profile.SetLayer(1);
  {
    const OpScope outer(&profile, OpKind::kProjection);
    Pause();
    {
      const OpScope inner(&profile, OpKind::kNorm);
      Pause();
      Pause();
    }
  }
  profile.SetLayer(kOutsideLayers);
  profile.Stop();
  const int64_t projection = profile.Of(1, OpKind::kProjection).nanoseconds;
  const int64_t norm = profile.Of(1, OpKind::kNorm).nanoseconds;
  EXPECT_GE(projection, kPauseNanoseconds);
  EXPECT_GE(norm, 2 * kPauseNanoseconds);
  EXPECT_EQ(profile.Of(1, OpKind::kProjection).calls, 1);
  EXPECT_EQ(profile.Of(0, OpKind::kNorm).nanoseconds, 0);
  EXPECT_EQ(profile.Of(kOutsideLayers, OpKind::kNorm).nanoseconds, 0);
}

TEST(Profile, SumsAreTheTimeOfTheStep) {
  Profile profile(1);
  const auto start = std::chrono::steady_clock::now();
  profile.Start();
  for (int i = 0; i < 100; ++i) {
    profile.SetLayer(0);
    const OpScope a(&profile, OpKind::kFfn);
    const OpScope b(&profile, OpKind::kQuantize);
    profile.SetLayer(kOutsideLayers);
  }
  Pause();
  profile.Stop();
  const std::chrono::nanoseconds outside = std::chrono::steady_clock::now() - start;
  int64_t sum = 0;
  for (int layer = kOutsideLayers; layer < profile.layers(); ++layer) {
    for (int kind = 0; kind < kOpKinds; ++kind) {
      sum += profile.Of(layer, static_cast<OpKind>(kind)).nanoseconds;
    }
  }
  EXPECT_GE(sum, kPauseNanoseconds);
  EXPECT_LE(sum, outside.count());
  EXPECT_EQ(profile.readings(), 1 + 100 * 6 + 1);
}

TEST(Profile, CountedBytesBelongToWhatRuns) {
  Profile profile(1);
  profile.Start();
  profile.SetLayer(0);
  {
    const OpScope scope(&profile, OpKind::kExperts);
    profile.CountBytes(7);
  }
  profile.Stop();
  EXPECT_EQ(profile.Of(0, OpKind::kExperts).counted_bytes, 7);
  profile.Reset();
  EXPECT_EQ(profile.Of(0, OpKind::kExperts).counted_bytes, 0);
  EXPECT_EQ(profile.readings(), 0);
}

TEST(Profile, NoProfileIsNoWork) {
  const OpScope scope(nullptr, OpKind::kFfn);
  EXPECT_GT(Profile::ReadingNanoseconds(), 0);
}

TEST(Profile, EveryKindHasAName) {
  std::set<std::string> names;
  for (int kind = 0; kind < kOpKinds; ++kind) {
    const std::string name = Name(static_cast<OpKind>(kind));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace tael
