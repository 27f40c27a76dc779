// What keys used, by model and day.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/sqlite.h"

namespace tael {

struct UsageCounts {
  int64_t requests = 0, prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;

  UsageCounts& operator+=(const UsageCounts& other);
  // What a limit of tokens counts.
  int64_t tokens() const { return prompt_tokens + completion_tokens; }
  bool operator==(const UsageCounts&) const = default;
};

struct UsagePlace {
  std::string key;  // its id; "" = of requests without one
  std::string model;
  int64_t day = 0;  // since 1970-01-01, UTC
  auto operator<=>(const UsagePlace&) const = default;
};

using UsageMap = std::map<UsagePlace, UsageCounts>;

// Adds to what is there.
void AddUsage(SqlDatabase& database, const UsageMap& usage);
// Of the days `first` to `last`, both included.
UsageMap SelectUsage(SqlDatabase& database, int64_t first_day, int64_t last_day);
// Tokens of each key, all days and models together.
std::map<std::string, int64_t> SumTokens(SqlDatabase& database);

// The day of a time.
constexpr int64_t DayOf(int64_t ms) { return ms / 86'400'000; }

}  // namespace tael
