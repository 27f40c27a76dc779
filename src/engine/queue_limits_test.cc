// Limits of the queue and the estimate of when to try again, by hand-made numbers.
#include "engine/queue_limits.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

TEST(QueueGauge, WithoutLimitsEverythingFits) {
  QueueGauge gauge;
  for (int i = 0; i < 1000; ++i) gauge.Add(1, {1, 100'000});
  EXPECT_FALSE(gauge.Excess({}, 1, {128, 1'000'000}));
}

TEST(QueueGauge, CountsAllAndEachOwner) {
  QueueGauge gauge;
  const QueueLimits limits{.choices = 10, .owner_choices = 4};
  gauge.Add(1, {3, 30});
  EXPECT_FALSE(gauge.Excess(limits, 1, {1, 10}));
  const auto own = gauge.Excess(limits, 1, {2, 10});
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->of_owner);
  EXPECT_EQ(own->found, 5);
  EXPECT_EQ(own->limit, 4);
  EXPECT_EQ(own->begins, 1);
  gauge.Add(2, {4, 40});
  gauge.Add(3, {3, 30});
  EXPECT_EQ(gauge.owners(), 3);
  const auto all = gauge.Excess(limits, 4, {1, 10});
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->of_owner);
  gauge.Remove(2, {4, 40});
  EXPECT_EQ(gauge.owners(), 2);
  EXPECT_FALSE(gauge.Excess(limits, 4, {1, 10}));
  EXPECT_EQ(gauge.all().prompt_tokens, 60);
}

TEST(QueueGauge, CountsPromptTokens) {
  QueueGauge gauge;
  const QueueLimits limits{.prompt_tokens = 1000};
  // Larger than the limit, but nothing waits.
  EXPECT_FALSE(gauge.Excess(limits, 1, {1, 5000}));
  gauge.Add(1, {4, 800});
  EXPECT_FALSE(gauge.Excess(limits, 1, {1, 200}));
  const auto excess = gauge.Excess(limits, 1, {1, 500});
  ASSERT_TRUE(excess);
  EXPECT_TRUE(excess->in_tokens);
  EXPECT_EQ(excess->found, 1300);
  EXPECT_EQ(excess->begins, 2);  // of 200 tokens each
  // However large: when nothing waits any longer it is taken.
  EXPECT_EQ(gauge.Excess(limits, 1, {1, 1'000'000})->begins, 4);
}

TEST(EndRate, TellsSecondsBetweenOneAndSixty) {
  EndRate rate;
  EXPECT_EQ(rate.SecondsUntil(1, 1), 1);
  for (int i = 0; i < 40; ++i) rate.OnStep(0.1, 0);
  EXPECT_EQ(rate.SecondsUntil(1, 1), 4);                                 // nothing ended yet
  for (int i = 0; i < 3000; ++i) rate.OnStep(0.1, i % 20 == 0 ? 1 : 0);  // one every 2 s
  EXPECT_NEAR(rate.SecondsUntil(1, 1), 2, 1);
  EXPECT_NEAR(rate.SecondsUntil(5, 1), 10, 1);
  EXPECT_NEAR(rate.SecondsUntil(5, 3), 30, 2);
  EXPECT_EQ(rate.SecondsUntil(100, 1), 60);
  // The machine became slower: a minute later the old times count little.
  for (int i = 0; i < 1200; ++i) rate.OnStep(0.1, i % 100 == 0 ? 1 : 0);
  EXPECT_GT(rate.SecondsUntil(1, 1), 5);
}

}  // namespace
}  // namespace tael
