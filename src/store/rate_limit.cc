#include "store/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace tael {
namespace {

constexpr double kNsPerMinute = 60e9;
// Until a request ends, nobody knows when one of several at the same time will.
constexpr std::chrono::milliseconds kConcurrentRetry{1000};

RateRest RestOf(const TokenBucket& bucket, int64_t per_minute) {
  if (per_minute == 0) return {};
  const auto left = static_cast<int64_t>(std::floor(std::max(bucket.level(), 0.0)));
  return {per_minute, left, bucket.Until(static_cast<double>(per_minute))};
}

}  // namespace

void TokenBucket::Refill(RateTime now, int64_t per_minute) {
  const auto size = static_cast<double>(per_minute);
  if (per_minute_ == 0) {
    level_ = size;
  } else {
    const auto passed = static_cast<double>((now - filled_).count());
    level_ += static_cast<double>(per_minute - per_minute_);
    level_ = std::min(level_ + std::max(passed, 0.0) * size / kNsPerMinute, size);
  }
  per_minute_ = per_minute;
  filled_ = std::max(filled_, now);
}

std::chrono::milliseconds TokenBucket::Until(double count) const {
  if (level_ >= count) return std::chrono::milliseconds(0);
  const double ms = (count - level_) * 60e3 / static_cast<double>(per_minute_);
  // A whole number of them may come out a little above it.
  return std::chrono::milliseconds(static_cast<int64_t>(std::ceil(ms - 1e-6)));
}

RateDecision RateLimiter::Admit(const std::string& key, const KeyLimits& limits, int64_t tokens,
                                int64_t used_in_all, RateTime now) {
  State& state = keys_[key];
  const auto count = static_cast<double>(tokens);
  if (limits.requests_per_minute > 0) state.requests.Refill(now, limits.requests_per_minute);
  if (limits.tokens_per_minute > 0) state.tokens.Refill(now, limits.tokens_per_minute);
  RateDecision out;
  if (limits.tokens_in_all > 0 && used_in_all + tokens > limits.tokens_in_all) {
    out.verdict = RateVerdict::kSpent;
  } else if (limits.tokens_per_minute > 0 && tokens > limits.tokens_per_minute) {
    out.verdict = RateVerdict::kTooLarge;
  } else if (limits.concurrent > 0 && state.concurrent >= limits.concurrent) {
    out.verdict = RateVerdict::kTooManyConcurrent;
    out.retry_after = kConcurrentRetry;
  } else if (limits.requests_per_minute > 0 && state.requests.level() < 1) {
    out.verdict = RateVerdict::kTooManyRequests;
    out.retry_after = state.requests.Until(1);
  } else if (limits.tokens_per_minute > 0 && state.tokens.level() < std::max(count, 1.0)) {
    out.verdict = RateVerdict::kTooManyTokens;
    out.retry_after = state.tokens.Until(std::max(count, 1.0));
  } else {
    ++state.concurrent;
    if (limits.requests_per_minute > 0) state.requests.Take(1);
    if (limits.tokens_per_minute > 0) state.tokens.Take(count);
  }
  out.requests = RestOf(state.requests, limits.requests_per_minute);
  out.tokens = RestOf(state.tokens, limits.tokens_per_minute);
  return out;
}

void RateLimiter::Finish(const std::string& key, int64_t more_tokens) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  found->second.concurrent = std::max<int64_t>(found->second.concurrent - 1, 0);
  found->second.tokens.Take(static_cast<double>(more_tokens));
}

}  // namespace tael
