// Which states a session keeps.
#include "engine/kept_states.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

std::vector<int> Positions(const KeptStates& kept) {
  std::vector<int> positions;
  for (const StateSnapshot& state : kept.all()) positions.push_back(state.position);
  return positions;
}

TEST(KeptStates, NearOnesStayDenseAndAFarOneIsNotForgotten) {
  KeptStates kept(1, 3);
  for (int position = 64; position <= 64 * 64; position += 64) {
    const StateSlot slot = kept.Add(position);
    EXPECT_GE(slot, 1);
    EXPECT_LE(slot, 3);
    ASSERT_EQ(kept.Last()->position, position);
    ASSERT_EQ(kept.Last()->slot, slot);
  }
  const std::vector<int> positions = Positions(kept);
  ASSERT_EQ(positions.size(), 3u);
  EXPECT_EQ(positions[2], 4096);
  EXPECT_LT(positions[0], 3 * 4096 / 4) << "something from before the last quarter";
  EXPECT_GT(positions[1], positions[0]);
}

TEST(KeptStates, SlotsAreDistinctAndComeBackAfterACut) {
  KeptStates kept(1, 2);
  const StateSlot a = kept.Add(64), b = kept.Add(128);
  EXPECT_NE(a, b);
  kept.DropBeyond(127);
  EXPECT_EQ(Positions(kept), std::vector<int>{64});
  EXPECT_EQ(kept.Add(100), b);
  kept.DropBeyond(100);
  EXPECT_EQ(kept.Last()->position, 100);
  kept.DropBeyond(0);
  EXPECT_FALSE(kept.Last().has_value());
}

TEST(KeptStates, ThoseOfAnAnswerTakeEachOthersPlace) {
  KeptStates kept(1, 3);
  kept.Add(64);
  for (int position = 128; position <= 1024; position += 64) kept.Add(position, /*passing=*/true);
  EXPECT_EQ(Positions(kept), (std::vector<int>{64, 1024}));
  kept.Stay();
  kept.Add(1088, /*passing=*/true);
  EXPECT_EQ(Positions(kept), (std::vector<int>{64, 1024, 1088}));
  kept.DropBeyond(1024);
  kept.Add(1100, /*passing=*/true);
  EXPECT_EQ(Positions(kept), (std::vector<int>{64, 1024, 1100})) << "1024 was not passing any more";
}

TEST(KeptStates, WithoutSlotsKeepsNothing) {
  KeptStates kept(1, 0);
  EXPECT_EQ(kept.Add(64), kNoState);
  EXPECT_FALSE(kept.Last().has_value());
}

}  // namespace
}  // namespace tael
