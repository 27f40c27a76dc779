// Picks the next token from logits: greedy, or temperature with top-k, top-p and min-p.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernel_table.h"
#include "text/tokenizer.h"

namespace tael {

struct SamplingParams {
  float temperature = 0.0f;  // 0 = greedy: highest logit, lowest id on ties
  int top_k = 0;             // 0 = off
  float top_p = 1.0f;        // 1 = off
  float min_p = 0.0f;        // 0 = off: keep tokens with p >= min_p * max p
  uint64_t seed = 0;
};

// Throws kInvalidArgument naming the parameter and its range.
void Validate(const SamplingParams& params);

// The random number depends only on (seed, position): same request, same tokens.
// Applied in the order top_k, temperature, top_p, min_p. REQUIRES: logits not empty.
// NaN logits: throws kCorrupt.
TokenId Sample(std::span<const float> logits, const SamplingParams& params, int64_t position,
               const KernelTable& kernels);

}  // namespace tael
