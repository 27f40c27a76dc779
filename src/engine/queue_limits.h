// How much may wait for the engine, and when it is worth trying again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/owner_accounts.h"

namespace tael {

// What may wait to begin; 0: any amount. A request that finds nothing waiting (of its owner) is
// taken whatever its size: trying again would not make it smaller.
struct QueueLimits {
  int choices = 0;            // each answer of a request counts
  int64_t prompt_tokens = 0;  // those that are evaluated once for all choices count once
  int owner_choices = 0;      // of one owner
  int64_t owner_prompt_tokens = 0;
};

// The queue is full: trying again in so many seconds (1 to 60) has a chance.
class QueueFull : public Error {
 public:
  QueueFull(const std::string& message, int seconds)
      : Error(ErrorCode::kUnavailable, message), retry_after_seconds_(seconds) {}
  int retry_after_seconds() const { return retry_after_seconds_; }

 private:
  int retry_after_seconds_;
};

struct QueueLoad {
  int choices = 0;
  int64_t prompt_tokens = 0;
};

// Why a request is not taken.
struct QueueExcess {
  bool of_owner = false;  // a limit of its owner, not of all
  bool in_tokens = false;
  int64_t found = 0, limit = 0;  // what would wait, what may
  int begins = 0;  // choices that must begin before it fits, by the mean of those that wait
};

// What waits to begin. Not thread-safe.
class QueueGauge {
 public:
  void Add(OwnerId owner, const QueueLoad& load);
  // REQUIRES: added before.
  void Remove(OwnerId owner, const QueueLoad& load);
  // Nullopt if so much more may wait.
  std::optional<QueueExcess> Excess(const QueueLimits& limits, OwnerId owner,
                                    const QueueLoad& more) const;
  const QueueLoad& all() const { return all_; }
  QueueLoad of(OwnerId owner) const;
  int owners() const { return static_cast<int>(owners_.size()); }

 private:
  QueueLoad all_;
  std::map<OwnerId, QueueLoad> owners_;  // only those of whom something waits
};

// How fast choices end while the engine computes: over about the last minute of computing. Not
// thread-safe.
class EndRate {
 public:
  void OnStep(double seconds, int ends);
  // 1 to 60: until so many choices have ended, each giving its place to one that waits. Of a queue
  // that `owners` share alike.
  int SecondsUntil(int ends, int owners) const;

 private:
  double seconds_ = 0, ends_ = 0;  // older ones count less
};

}  // namespace tael
