#include "store/rate_limit.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, FillsSteadilyUpToItsSize) {
  TokenBucket bucket;
  bucket.Refill(100s, 60);
  EXPECT_DOUBLE_EQ(bucket.level(), 60);
  bucket.Take(60);
  EXPECT_EQ(bucket.Until(1), 1000ms);
  bucket.Refill(100s + 1500ms, 60);
  EXPECT_DOUBLE_EQ(bucket.level(), 1.5);
  bucket.Refill(90s, 60);  // a clock that goes back gives nothing
  EXPECT_DOUBLE_EQ(bucket.level(), 1.5);
  bucket.Refill(1000s, 60);
  EXPECT_DOUBLE_EQ(bucket.level(), 60);
  bucket.Take(100);
  EXPECT_EQ(bucket.Until(60), 100s);
}

TEST(TokenBucket, AnotherSizeKeepsWhatWasUsed) {
  TokenBucket bucket;
  bucket.Refill(0s, 100);
  bucket.Take(30);
  bucket.Refill(0s, 50);
  EXPECT_DOUBLE_EQ(bucket.level(), 20);
  bucket.Refill(0s, 200);
  EXPECT_DOUBLE_EQ(bucket.level(), 170);
}

TEST(RateLimiter, RequestsPerMinute) {
  RateLimiter limiter;
  const KeyLimits limits{.requests_per_minute = 2};
  EXPECT_EQ(limiter.Admit("a", limits, 1, 0, 0s).verdict, RateVerdict::kAdmitted);
  RateDecision last = limiter.Admit("a", limits, 1, 0, 0s);
  EXPECT_EQ(last.verdict, RateVerdict::kAdmitted);
  EXPECT_EQ(last.requests.limit, 2);
  EXPECT_EQ(last.requests.remaining, 0);
  EXPECT_EQ(last.requests.reset, 60s);
  EXPECT_EQ(last.tokens.limit, 0);
  last = limiter.Admit("a", limits, 1, 0, 10s);
  EXPECT_EQ(last.verdict, RateVerdict::kTooManyRequests);
  EXPECT_EQ(last.retry_after, 20s);
  EXPECT_EQ(limiter.Admit("b", limits, 1, 0, 10s).verdict, RateVerdict::kAdmitted);
  EXPECT_EQ(limiter.Admit("a", limits, 1, 0, 30s).verdict, RateVerdict::kAdmitted);
}

TEST(RateLimiter, TokensPerMinuteCountAnswersAfterwards) {
  RateLimiter limiter;
  const KeyLimits limits{.tokens_per_minute = 600};
  EXPECT_EQ(limiter.Admit("a", limits, 601, 0, 0s).verdict, RateVerdict::kTooLarge);
  EXPECT_EQ(limiter.Admit("a", limits, 500, 0, 0s).verdict, RateVerdict::kAdmitted);
  limiter.Finish("a", 300);  // 200 more than a minute has
  RateDecision next = limiter.Admit("a", limits, 100, 0, 0s);
  EXPECT_EQ(next.verdict, RateVerdict::kTooManyTokens);
  EXPECT_EQ(next.retry_after, 30s);
  EXPECT_EQ(next.tokens.remaining, 0);
  EXPECT_EQ(limiter.Admit("a", limits, 100, 0, 30s).verdict, RateVerdict::kAdmitted);
  limiter.Finish("a", -100);  // cancelled before it cost anything
  EXPECT_EQ(limiter.Admit("a", limits, 100, 0, 30s).verdict, RateVerdict::kAdmitted);
}

TEST(RateLimiter, WhatIsRefusedTakesNothing) {
  RateLimiter limiter;
  const KeyLimits limits{.requests_per_minute = 10, .tokens_per_minute = 100, .concurrent = 1};
  EXPECT_EQ(limiter.Admit("a", limits, 50, 0, 0s).verdict, RateVerdict::kAdmitted);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limiter.Admit("a", limits, 50, 0, 0s).verdict, RateVerdict::kTooManyConcurrent);
  }
  limiter.Finish("a", 0);
  const RateDecision next = limiter.Admit("a", limits, 50, 0, 0s);
  EXPECT_EQ(next.verdict, RateVerdict::kAdmitted);
  EXPECT_EQ(next.requests.remaining, 8);
  EXPECT_EQ(next.tokens.remaining, 0);
}

TEST(RateLimiter, TokensInAllEnd) {
  RateLimiter limiter;
  const KeyLimits limits{.tokens_in_all = 1000};
  EXPECT_EQ(limiter.Admit("a", limits, 10, 990, 0s).verdict, RateVerdict::kAdmitted);
  EXPECT_EQ(limiter.Admit("a", limits, 11, 990, 0s).verdict, RateVerdict::kSpent);
}

TEST(RateLimiter, NoLimitsAdmitEverything) {
  RateLimiter limiter;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(limiter.Admit("a", {}, 1'000'000, 1 << 30, 0s).verdict, RateVerdict::kAdmitted);
  }
  limiter.Finish("never seen", 5);
}

}  // namespace
}  // namespace tael
