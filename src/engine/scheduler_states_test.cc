// Slots of recurrent states in the scheduler, without a model.
#include <gtest/gtest.h>

#include "engine/scheduler.h"

namespace tael {
namespace {

constexpr int kRunning = 3, kKept = 2;

// A scheduler whose steps only note how far the states have come.
class SchedulerStatesTest : public testing::Test {
 protected:
  Sequence* Add(RequestId request, int prompt, int first_token = 0, int choice = 0) {
    auto sequence = std::make_unique<Sequence>();
    sequence->request = request;
    sequence->choice = choice;
    for (int i = 0; i < prompt; ++i) sequence->tokens.push_back(first_token + i);
    sequence->report.prompt_tokens = prompt;
    sequence->asked = std::make_shared<EngineRequest>();
    Sequence* borrowed = sequence.get();
    scheduler_.Add(std::move(sequence));
    return borrowed;
  }

  // One step; the state of a sequence is the number of tokens it has seen.
  StepPlan Step() {
    StepPlan plan = scheduler_.Schedule();
    for (const PlannedRows& rows : plan) {
      const StateSlot slot = rows.sequence->state;
      if (rows.begin > 0) {
        EXPECT_EQ(cache_.position(slot), rows.begin);
        EXPECT_EQ(*cache_.Of(0, slot), static_cast<float>(rows.begin));
      }
      for (const StateSnapshot& kept : rows.snapshots) Write(kept.slot, kept.position);
      Write(slot, rows.begin + rows.count);
    }
    scheduler_.MarkComputed(plan);
    for (const PlannedRows& rows : plan) {
      if (rows.sequence->pending() == 0) rows.sequence->tokens.push_back(7);
    }
    return plan;
  }

  void Write(StateSlot slot, int position) {
    cache_.SetPosition(slot, position);
    *cache_.Of(0, slot) = static_cast<float>(position);
  }

  StateCache cache_{{1}, kRunning + kKept};
  SnapshotPool snapshots_{kRunning, kKept};
  BlockPool pool_{24, &snapshots_};
  Scheduler scheduler_{{.max_sequences = kRunning, .max_batch_tokens = 512, .prefill_chunk = 150},
                       pool_,
                       {&cache_, &snapshots_}};
};

TEST_F(SchedulerStatesTest, EverySequenceThatRunsHasASlotOfItsOwn) {
  for (RequestId id = 1; id <= 5; ++id) Add(id, 20, 100 * static_cast<int>(id));
  for (int round = 0; round < 4; ++round) {
    const StepPlan plan = Step();
    std::vector<StateSlot> slots;
    for (const PlannedRows& rows : plan) slots.push_back(rows.sequence->state);
    std::sort(slots.begin(), slots.end());
    EXPECT_EQ(std::unique(slots.begin(), slots.end()), slots.end());
    ASSERT_FALSE(plan.empty());
    EXPECT_GE(slots.front(), 0);
    EXPECT_LT(slots.back(), kRunning);
    scheduler_.Remove(plan[0].sequence);
  }
}

TEST_F(SchedulerStatesTest, TheSamePromptGoesOnFromTheLastBorderBeforeItsEnd) {
  Add(1, 300);
  StepPlan plan = Step();
  EXPECT_TRUE(plan[0].snapshots.empty()) << "150 rows, the border is at 256";
  plan = Step();
  ASSERT_EQ(plan[0].snapshots.size(), 1u);
  EXPECT_EQ(plan[0].snapshots[0].position, 256);
  EXPECT_EQ(plan[0].count, 150) << "steps are not cut";
  Step();
  const Sequence* second = Add(2, 300);
  plan = Step();
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[1].begin, 256);
  EXPECT_EQ(second->report.cached_tokens, 256);
  EXPECT_TRUE(plan[1].snapshots.empty()) << "it is kept already";
}

TEST(SchedulerStates, WithASingleSlotTheLastBorderIsKept) {
  StateCache cache({1}, 2);
  SnapshotPool snapshots(1, 1);
  BlockPool pool(8, &snapshots);
  Scheduler scheduler({.max_sequences = 1, .max_batch_tokens = 512, .prefill_chunk = 512}, pool,
                      {&cache, &snapshots});
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens.resize(129);
  sequence->report.prompt_tokens = 129;
  sequence->asked = std::make_shared<EngineRequest>();
  scheduler.Add(std::move(sequence));
  const StepPlan plan = scheduler.Schedule();
  ASSERT_EQ(plan.size(), 1u);
  ASSERT_EQ(plan[0].snapshots.size(), 1u);
  EXPECT_EQ(plan[0].snapshots[0].position, 128) << "64 would be worth keeping too";
}

TEST_F(SchedulerStatesTest, ChoicesFindTheStateOfTheFirst) {
  for (int choice = 0; choice < 3; ++choice) Add(1, 140, 0, choice);
  StepPlan plan = Step();
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].snapshots.size(), 2u);  // 64 and 128: little stands behind the second
  plan = Step();
  ASSERT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan[1].begin, 128);
  EXPECT_EQ(plan[2].begin, 128);
}

TEST_F(SchedulerStatesTest, TheThirdRequestWithACommonBeginningFindsTheStateAtItsEnd) {
  Sequence* first = Add(1, 220);
  Step();
  Step();
  // 130 tokens are the same as before, then something else.
  const auto add_other = [&](RequestId id) {
    Sequence* sequence = Add(id, 250);
    for (size_t i = 130; i < 250; ++i) sequence->tokens[i] = static_cast<TokenId>(1000 * id + i);
    return sequence;
  };
  add_other(2);
  StepPlan plan = Step();
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[1].begin, 0) << "128 tokens in common, but no state there";
  ASSERT_EQ(plan[1].snapshots.size(), 1u);
  EXPECT_EQ(plan[1].snapshots[0].position, 128);
  Step();
  scheduler_.Remove(first);
  const Sequence* third = add_other(3);
  Step();
  EXPECT_EQ(third->report.cached_tokens, 128);
}

TEST_F(SchedulerStatesTest, AFailedStepLosesStatesAndNothingElse) {
  Sequence* first = Add(1, 200);
  Sequence* second = Add(2, 100, 1000);
  Step();
  StepPlan failed = scheduler_.Schedule();
  ASSERT_EQ(failed.size(), 2u);
  for (const PlannedRows& rows : failed) {
    cache_.SetPosition(rows.sequence->state, StateCache::kNoPosition);
  }
  // Both begin again, in their order; nothing of the failed step is kept.
  const StepPlan plan = Step();
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0].sequence, first);
  EXPECT_EQ(plan[1].sequence, second);
  EXPECT_EQ(plan[1].begin, 64) << "from what the first step kept";
  EXPECT_EQ(first->report.preemptions, 1);
  Step();
  EXPECT_TRUE(first->decoding());
}

}  // namespace
}  // namespace tael
