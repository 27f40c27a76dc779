// Requests and tokens per minute as data: whoever holds it brings the clock and the lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "store/key.h"

namespace tael {

// Since any beginning; must not go back.
using RateTime = std::chrono::nanoseconds;

// Fills steadily with `per_minute`, holds at most that many, and may be in debt.
class TokenBucket {
 public:
  // A bucket of another size keeps what was used. Full at first. REQUIRES: per_minute > 0.
  void Refill(RateTime now, int64_t per_minute);
  void Take(double count) { level_ -= count; }
  double level() const { return level_; }
  // Until it holds `count`; 0 when it does. REQUIRES: Refill() was called, count <= per_minute.
  std::chrono::milliseconds Until(double count) const;

 private:
  double level_ = 0;
  int64_t per_minute_ = 0;  // 0 before the first Refill()
  RateTime filled_{};
};

enum class RateVerdict {
  kAdmitted,
  kTooManyRequests,    // per minute
  kTooManyTokens,      // per minute
  kTooManyConcurrent,  // at the same time
  kSpent,              // tokens in all: waiting does not help
  kTooLarge            // more tokens than a minute has: waiting does not help
};

// What x-ratelimit-* headers tell. A limit of 0 is none, and has no rest.
struct RateRest {
  int64_t limit = 0, remaining = 0;
  std::chrono::milliseconds reset{};  // until all of it is there again
};

struct RateDecision {
  RateVerdict verdict = RateVerdict::kAdmitted;
  std::chrono::milliseconds retry_after{};  // when waiting helps
  RateRest requests, tokens;
};

class RateLimiter {
 public:
  // Takes one request of `tokens` (those of its prompt) if all limits of the key allow it;
  // otherwise takes nothing. `used_in_all`: tokens so far, for limits.tokens_in_all.
  RateDecision Admit(const std::string& key, const KeyLimits& limits, int64_t tokens,
                     int64_t used_in_all, RateTime now);
  // Once for each admitted request: its end, and the tokens that were not known before, below 0
  // when they were fewer.
  void Finish(const std::string& key, int64_t more_tokens);
  // Keys that have nothing going on and full buckets need no place.
  void Forget(const std::string& key) { keys_.erase(key); }

 private:
  struct State {
    TokenBucket requests, tokens;
    int64_t concurrent = 0;
  };
  std::unordered_map<std::string, State> keys_;
};

}  // namespace tael
