#include "app/bench/scaling.h"

#include <fmt/format.h>

#include "app/bench/rates.h"
#include "app/terminal.h"

namespace tael {
namespace {

double Multiple(double value, double of) { return of > 0 ? value / of : 0; }

std::string Text(double multiple) { return multiple > 0 ? fmt::format("{:.2f}", multiple) : "-"; }

}  // namespace

std::optional<Scaling> ScalingOf(const std::vector<BenchRow>& rows, size_t index) {
  const BenchRow& row = rows[index];
  const BenchRow* least = &row;
  for (const BenchRow& other : rows) {
    const bool same = other.result.entry.Name() == row.result.entry.Name();
    if (same && other.threads < least->threads) least = &other;
  }
  if (least == &row) return std::nullopt;
  const Rates rates = RatesOf(row.result), before = RatesOf(least->result);
  Scaling scaling{.against = least->threads,
                  .speed = Multiple(rates.tokens.median, before.tokens.median),
                  .read = Multiple(rates.limits.bandwidth, before.limits.bandwidth),
                  .integer = Multiple(rates.limits.integer, before.limits.integer),
                  .floating = Multiple(rates.limits.floating, before.limits.floating)};
  double nearest = scaling.read, share = rates.bandwidth_share;
  if (rates.integer_share > share) {
    nearest = scaling.integer;
    share = rates.integer_share;
  }
  if (rates.float_share > share) nearest = scaling.floating;
  scaling.share_of_probe = Multiple(scaling.speed, nearest);
  return scaling;
}

std::string ScalingToText(const std::vector<BenchRow>& rows) {
  std::vector<std::vector<std::string>> table = {
      {"test", "threads", "against", "speed", "read", "integer", "float", "of probe"}};
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto s = ScalingOf(rows, i);
    if (!s) continue;
    table.push_back(
        {rows[i].result.entry.Name(), std::to_string(rows[i].threads), std::to_string(s->against),
         Text(s->speed), Text(s->read), Text(s->integer), Text(s->floating),
         s->share_of_probe > 0 ? fmt::format("{:.0f} %", 100 * s->share_of_probe) : "-"});
  }
  if (table.size() == 1) return "";
  return "speed as a multiple of that with fewer threads, and of loops that only read or "
         "multiply\n" +
         FormatTable(table);
}

}  // namespace tael
