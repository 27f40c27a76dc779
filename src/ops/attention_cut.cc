#include "ops/attention_cut.h"

#include <algorithm>
#include <numeric>

namespace tael {
namespace {

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

AttentionCut CutAttention(int heads, int tokens, int64_t groups, int threads) {
  constexpr int64_t kRows = kAttentionRows;
  AttentionCut cut;
  cut.heads = static_cast<int>(CeilDivide(heads, CeilDivide(heads, kRows)));
  cut.tokens = static_cast<int>(std::clamp<int64_t>(kRows / cut.heads, 1, tokens));
  const auto calls = [&] {
    return groups * CeilDivide(heads, cut.heads) * CeilDivide(tokens, cut.tokens);
  };
  while (calls() < threads && cut.tokens > 1) cut.tokens = (cut.tokens + 1) / 2;
  while (calls() < threads && cut.heads > 1) cut.heads = (cut.heads + 1) / 2;
  return cut;
}

void RunAttention(const std::vector<int64_t>& costs, int head_dim, ComputeContext& ctx,
                  const std::function<void(int64_t i, float* scratch)>& run) {
  const Arena::Position mark = ctx.arena.Mark();
  const auto floats = static_cast<int64_t>(AttentionScratch(static_cast<size_t>(head_dim)));
  float* scratch = ctx.arena.Allocate<float>(floats * ctx.pool.size());
  const int64_t total = std::accumulate(costs.begin(), costs.end(), int64_t{0});
  const int64_t worth_a_part = std::max<int64_t>(ctx.worth_a_thread, 1);
  const int64_t parts = std::clamp<int64_t>(total / worth_a_part, 1, ctx.pool.size());
  ctx.pool.ParallelFor(parts, 1, [&](int64_t first, int64_t last) {
    int64_t before = 0;  // cost of all calls so far
    for (size_t i = 0; i < costs.size(); ++i) {
      // A call belongs to the part in which its middle lies.
      const int64_t part = total == 0 ? 0 : (before + costs[i] / 2) / CeilDivide(total, parts);
      if (part >= first && part < last) run(static_cast<int64_t>(i), scratch + first * floats);
      before += costs[i];
    }
  });
  ctx.arena.Release(mark);
}

}  // namespace tael
