// What each step evaluates, without a model.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

std::unique_ptr<Sequence> MakeSequence(RequestId request, int prompt, int choice = 0,
                                       int first_token = 0) {
  auto asked = std::make_shared<EngineRequest>();
  auto sequence = std::make_unique<Sequence>();
  sequence->request = request;
  sequence->choice = choice;
  for (int i = 0; i < prompt; ++i) sequence->tokens.push_back(first_token + i);
  sequence->report.prompt_tokens = prompt;
  sequence->asked = asked;
  return sequence;
}

std::vector<int> Counts(const StepPlan& plan) {
  std::vector<int> counts;
  for (const PlannedRows& rows : plan) counts.push_back(rows.count);
  return counts;
}

// Evaluates the plan and gives every sequence that came to its end one more token.
void Compute(Scheduler& scheduler, const StepPlan& plan) {
  scheduler.MarkComputed(plan);
  for (const PlannedRows& rows : plan) {
    if (rows.sequence->pending() == 0) rows.sequence->tokens.push_back(7);
  }
}

TEST(Scheduler, CutsPromptsAndMixesThemWithDecoding) {
  BlockPool pool(64);
  Scheduler scheduler({.max_sequences = 4, .max_batch_tokens = 100, .prefill_chunk = 64}, pool);
  scheduler.Add(MakeSequence(1, 150));
  StepPlan plan = scheduler.Schedule();
  EXPECT_EQ(Counts(plan), std::vector<int>{64});
  Compute(scheduler, plan);
  scheduler.Add(MakeSequence(2, 90, 0, 1000));
  plan = scheduler.Schedule();
  EXPECT_EQ(Counts(plan), (std::vector<int>{64, 36}));  // 100 rows in all
  Compute(scheduler, plan);
  plan = scheduler.Schedule();
  EXPECT_EQ(Counts(plan), (std::vector<int>{22, 54}));
  EXPECT_TRUE(plan[0].ends() && plan[1].ends());
  Compute(scheduler, plan);
  EXPECT_EQ(Counts(scheduler.Schedule()), (std::vector<int>{1, 1}));
}

TEST(Scheduler, NeverRunsMoreSequencesThanAllowedAndKeepsTheirOrder) {
  BlockPool pool(64);
  Scheduler scheduler({.max_sequences = 2, .max_batch_tokens = 100, .prefill_chunk = 64}, pool);
  for (RequestId id = 1; id <= 3; ++id) scheduler.Add(MakeSequence(id, 10, 0, 100));
  const StepPlan plan = scheduler.Schedule();
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0].sequence->request, 1u);
  EXPECT_EQ(plan[1].sequence->request, 2u);
  scheduler.Remove(plan[0].sequence);
  EXPECT_EQ(scheduler.Schedule()[1].sequence->request, 3u);
}

TEST(Scheduler, ChoicesWaitForTheFirstAndShareItsPrompt) {
  BlockPool pool(64);
  Scheduler scheduler({.max_sequences = 4, .max_batch_tokens = 512, .prefill_chunk = 512}, pool);
  for (int choice = 0; choice < 3; ++choice) scheduler.Add(MakeSequence(1, 200, choice));
  StepPlan plan = scheduler.Schedule();
  EXPECT_EQ(Counts(plan), std::vector<int>{200});
  Compute(scheduler, plan);
  plan = scheduler.Schedule();
  ASSERT_EQ(Counts(plan), (std::vector<int>{1, 8, 8}));  // 192 positions in shared blocks
  EXPECT_EQ(plan[1].sequence->blocks[2], plan[0].sequence->blocks[2]);
  EXPECT_NE(plan[1].sequence->blocks[3], plan[2].sequence->blocks[3]);
  EXPECT_EQ(plan[1].sequence->report.cached_tokens, 192);
}

TEST(Scheduler, SiblingsAreOvertakenOnlyWhileTheirPromptIsEvaluated) {
  BlockPool pool(64);
  Scheduler scheduler({.max_sequences = 3, .max_batch_tokens = 100, .prefill_chunk = 100}, pool);
  for (int choice = 0; choice < 3; ++choice) scheduler.Add(MakeSequence(1, 200, choice));
  for (RequestId id = 2; id <= 4; ++id) {
    scheduler.Add(MakeSequence(id, 30, 0, 1000 * static_cast<int>(id)));
  }
  // The prompt fills the steps; two later requests took the free places, but no rows.
  StepPlan plan = scheduler.Schedule();
  EXPECT_EQ(Counts(plan), std::vector<int>{100});
  EXPECT_EQ(scheduler.running(), 3);
  Compute(scheduler, plan);
  Compute(scheduler, scheduler.Schedule());
  // Now the first sibling comes before request 4, which was free to go before.
  scheduler.Remove(scheduler.All()[1]);
  plan = scheduler.Schedule();
  ASSERT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan[0].sequence->id(), (ChoiceId{1, 0}));
  EXPECT_EQ(plan[1].sequence->id(), (ChoiceId{3, 0}));
  EXPECT_EQ(plan[2].sequence->id(), (ChoiceId{1, 1}));
}

TEST(Scheduler, TheYoungestGivesWayWhenTheCacheIsFull) {
  BlockPool pool(4);
  Scheduler scheduler(
      {.max_sequences = 4, .max_batch_tokens = 512, .prefill_chunk = 512, .share_prefixes = false},
      pool);
  scheduler.Add(MakeSequence(1, 127));
  scheduler.Add(MakeSequence(2, 127, 0, 1000));
  for (int step = 0; step < 2; ++step) Compute(scheduler, scheduler.Schedule());
  // Both have 128 positions in two blocks each; the next token of the first needs a fifth block.
  const StepPlan plan = scheduler.Schedule();
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].sequence->request, 1u);
  EXPECT_EQ(scheduler.waiting(), 1);
  Compute(scheduler, plan);
  Sequence* preempted = scheduler.All()[1];
  EXPECT_EQ(preempted->report.preemptions, 1);
  EXPECT_EQ(preempted->computed, 0);
  EXPECT_EQ(preempted->length(), 129);
  scheduler.Remove(scheduler.All()[0]);
  EXPECT_EQ(Counts(scheduler.Schedule()), std::vector<int>{129});  // all again
}

// 1 ms per row.
StepTime OneMillisecondPerRow() {
  StepTime time;
  for (int i = 0; i < 30; ++i) {
    StepSize size;
    size.Add(0, 1 + 10 * i);
    time.Observe(size, 0.001 * size.rows);
  }
  return time;
}

TEST(Scheduler, StepsAreShortWhileSomebodyWaitsOrDecodes) {
  const StepTime time = OneMillisecondPerRow();
  BlockPool pool(64);
  SchedulerLimits limits{.max_sequences = 4, .max_batch_tokens = 400, .prefill_chunk = 200};
  limits.step_seconds = 0.0505;
  Scheduler scheduler(limits, pool);
  scheduler.Add(MakeSequence(1, 250));
  StepPlan plan = scheduler.Schedule(&time);
  EXPECT_EQ(Counts(plan), std::vector<int>{200}) << "alone";
  Compute(scheduler, plan);
  scheduler.Add(MakeSequence(2, 90, 0, 1000));
  plan = scheduler.Schedule(&time);
  EXPECT_EQ(Counts(plan), std::vector<int>{50}) << "the other one waits for rows";
  Compute(scheduler, plan);
  plan = scheduler.Schedule(&time);
  EXPECT_EQ(Counts(plan), (std::vector<int>{1, 49}));
  EXPECT_EQ(Counts(scheduler.Schedule()), (std::vector<int>{1, 90})) << "without an estimate";
}

TEST(Scheduler, AStepOfOnePromptHasALimitOfItsOwn) {
  const StepTime time = OneMillisecondPerRow();
  BlockPool pool(64);
  SchedulerLimits limits{.max_sequences = 4, .max_batch_tokens = 400, .prefill_chunk = 200};
  limits.lone_step_seconds = 0.1205;
  Scheduler scheduler(limits, pool);
  for (int choice = 0; choice < 3; ++choice) scheduler.Add(MakeSequence(1, 250, choice));
  EXPECT_EQ(Counts(scheduler.Schedule(&time)), std::vector<int>{120});
}

TEST(Scheduler, PromptsMoveHoweverLongAStepTakes) {
  StepTime time;
  for (int i = 0; i < 30; ++i) {
    StepSize size;
    size.Add(0, 1 + i);
    time.Observe(size, 0.3 + 0.03 * size.rows);
  }
  BlockPool pool(64);
  SchedulerLimits limits{.max_sequences = 4, .max_batch_tokens = 400, .prefill_chunk = 200};
  limits.step_seconds = 0.05;
  Scheduler scheduler(limits, pool);
  scheduler.Add(MakeSequence(1, 10));
  Compute(scheduler, scheduler.Schedule());
  scheduler.Add(MakeSequence(2, 150, 0, 1000));
  scheduler.Add(MakeSequence(3, 150, 0, 2000));
  // Decoding takes 0.33 s: as long again is for the prompt.
  EXPECT_EQ(Counts(scheduler.Schedule(&time)), (std::vector<int>{1, 11}));
}

TEST(Scheduler, RemovedSequencesGiveTheirBlocksBack) {
  BlockPool pool(8);
  Scheduler scheduler({}, pool);
  scheduler.Add(MakeSequence(1, 200));
  const StepPlan plan = scheduler.Schedule();
  EXPECT_EQ(pool.available(), 4);
  scheduler.Remove(plan[0].sequence);
  EXPECT_EQ(pool.available(), 8);
  EXPECT_TRUE(scheduler.Schedule().empty());
}

}  // namespace
}  // namespace tael
