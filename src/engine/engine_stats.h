// What an engine is doing and has done, for whoever watches it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/owner_accounts.h"
#include "engine/queue_limits.h"

namespace tael {

// Seconds of steps, counted by size. A counter: it only grows.
struct StepHistogram {
  static constexpr std::array<double, 10> kBounds = {0.005, 0.01, 0.02, 0.05, 0.1,
                                                     0.2,   0.5,  1,    2,    5};
  // counts[i]: steps of at most kBounds[i] that are in no smaller one; the last one: longer ones.
  std::array<int64_t, kBounds.size() + 1> counts = {};
  double seconds = 0;  // of all

  void Add(double step_seconds);
  int64_t steps() const;
};

// Tokens per second of computing, over about the last ten seconds of it. Not thread-safe.
class TokenRate {
 public:
  void Add(int64_t tokens, double seconds);
  double per_second() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }

 private:
  double tokens_ = 0, seconds_ = 0;  // older ones count less
};

// Sequences of one owner: each choice is one.
struct OwnerStats {
  OwnerId owner = 0;
  int running = 0;
  int waiting = 0;  // to run, or to run again
  double used = 0;  // OwnerAccounts
};

struct EngineStats {
  int running = 0, waiting = 0;    // sequences
  QueueLoad queued;                // those that have not begun, with what Submit() just took
  std::vector<OwnerStats> owners;  // who has any sequence, by number
  // Blocks of the cache: in use, and those without users whose content can be found again. The
  // others are empty.
  int kv_blocks = 0, kv_used = 0, kv_cached = 0;
  // Counters.
  StepHistogram steps;
  int64_t abandoned_steps = 0;   // not among the steps
  int64_t prompt_rows = 0;       // evaluated, also again
  int64_t cached_tokens = 0;     // of prompts, taken from others' work
  int64_t generated_tokens = 0;  // of answers
  int64_t preemptions = 0;
  // Over the last seconds of computing.
  double prompt_rows_per_second = 0, generated_per_second = 0;
};

}  // namespace tael
