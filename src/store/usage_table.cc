#include "store/usage_table.h"

namespace tael {

UsageCounts& UsageCounts::operator+=(const UsageCounts& other) {
  requests += other.requests;
  prompt_tokens += other.prompt_tokens;
  cached_tokens += other.cached_tokens;
  completion_tokens += other.completion_tokens;
  return *this;
}

void AddUsage(SqlDatabase& database, const UsageMap& usage) {
  for (const auto& [place, counts] : usage) {
    database.Run(
        "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key, model, day) DO UPDATE "
        "SET requests = requests + excluded.requests, "
        "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
        "cached_tokens = cached_tokens + excluded.cached_tokens, "
        "completion_tokens = completion_tokens + excluded.completion_tokens",
        place.key, place.model, place.day, counts.requests, counts.prompt_tokens,
        counts.cached_tokens, counts.completion_tokens);
  }
}

UsageMap SelectUsage(SqlDatabase& database, int64_t first_day, int64_t last_day) {
  UsageMap usage;
  SqlStatement rows = database.Query(
      "SELECT key, model, day, requests, prompt_tokens, cached_tokens, completion_tokens "
      "FROM usage WHERE day BETWEEN ? AND ?",
      first_day, last_day);
  while (rows.Step()) {
    usage[{rows.Text(0), rows.Text(1), rows.Int(2)}] = {rows.Int(3), rows.Int(4), rows.Int(5),
                                                        rows.Int(6)};
  }
  return usage;
}

std::map<std::string, int64_t> SumTokens(SqlDatabase& database) {
  std::map<std::string, int64_t> sums;
  SqlStatement rows =
      database.Query("SELECT key, sum(prompt_tokens + completion_tokens) FROM usage GROUP BY key");
  while (rows.Step()) sums[rows.Text(0)] = rows.Int(1);
  return sums;
}

}  // namespace tael
