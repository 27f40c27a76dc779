#include "app/bench/rates.h"

namespace tael {
namespace {

double Ratio(double value, double limit) { return limit > 0 ? value / limit : 0; }

}  // namespace

Rates RatesOf(const BenchResult& result) {
  Rates rates;
  std::vector<double> speeds;
  speeds.reserve(result.seconds.size());
  for (const double seconds : result.seconds) speeds.push_back(result.entry.tokens() / seconds);
  rates.tokens = Summarize(speeds);
  rates.seconds = Median(result.seconds);
  const Cost cost = result.cost.Total();
  rates.bytes = static_cast<double>(cost.bytes_read()) / rates.seconds;
  rates.integer = 2 * static_cast<double>(cost.integer_macs) / rates.seconds;
  rates.floating = 2 * static_cast<double>(cost.float_macs) / rates.seconds;
  rates.limits = MedianLimits(result.limits);
  // A prefill reads the same bytes again and again from the caches: memory is not its limit.
  if (result.entry.decode()) rates.bandwidth_share = Ratio(rates.bytes, rates.limits.bandwidth);
  rates.integer_share = Ratio(rates.integer, rates.limits.integer);
  rates.float_share = Ratio(rates.floating, rates.limits.floating);
  return rates;
}

}  // namespace tael
