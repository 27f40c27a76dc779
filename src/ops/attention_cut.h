// How attention is cut into calls of the kernel and these are divided among threads. Neither shows
// in any result: the kernel's rows do not depend on each other.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ops/compute_context.h"

namespace tael {

// Rows of one call: that many heads of that many tokens.
struct AttentionCut {
  int heads = 1, tokens = 1;
};

// A cut for `heads` heads that share their keys and up to `tokens` tokens of a sequence, of which
// there are `groups` (key heads times sequences). As many rows together as the kernel takes, since
// they share the work of reading the cache; fewer where there would not be a call for each thread,
// first fewer tokens, then fewer heads. REQUIRES: all > 0.
AttentionCut CutAttention(int heads, int tokens, int64_t groups, int threads);

// Calls run(i, scratch) for all i < costs.size(), each worker's a contiguous range of about the
// same cost, with AttentionScratch(head_dim) floats of its own. Costs are multiply-adds.
void RunAttention(const std::vector<int64_t>& costs, int head_dim, ComputeContext& ctx,
                  const std::function<void(int64_t i, float* scratch)>& run);

}  // namespace tael
