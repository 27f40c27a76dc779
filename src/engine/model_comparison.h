// How far the predictions of one model are from those of another, token by token.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/statistics.h"
#include "engine/window_scorer.h"

namespace tael {

// One predicted token of a text. Natural logarithms.
struct TokenComparison {
  double base_nll = 0, nll = 0;  // -ln p(token) under the base and under the model
  double kl = 0;                 // KL(base || model) over the whole vocabulary, at least 0
  bool same_top = false;         // the most probable token is the same (lowest id on ties)
};

// Of the logits [V] of the two models for one position. Throws kCorrupt when they are not numbers,
// or the divergence is infinite. REQUIRES: equal sizes; 0 <= target < V.
TokenComparison CompareRows(std::span<const float> base, std::span<const float> model,
                            TokenId target);

// All predicted tokens of the windows, in order. Both models move in step: what is held of their
// logits is the rows of one step. REQUIRES: same vocabulary size, equal scoring options but for the
// runner's. `progress` gets the number of tokens done.
std::vector<TokenComparison> CompareWindows(WindowScorer& base, WindowScorer& model,
                                            const std::vector<TokenWindow>& windows,
                                            const std::function<void(int64_t)>& progress);

// -ln p of every predicted token of the windows, in order.
std::vector<double> NllOfWindows(WindowScorer& scorer, const std::vector<TokenWindow>& windows,
                                 const std::function<void(int64_t)>& progress);

struct ComparisonSummary {
  Estimate base_nll, nll;                // means
  Estimate base_perplexity, perplexity;  // e^mean
  Estimate perplexity_ratio;             // model / base; its error is that of the paired difference
  Estimate kl;                           // mean
  double kl_median = 0, kl_90 = 0, kl_99 = 0, kl_99_9 = 0, kl_max = 0;
  Estimate top_agreement;       // share of tokens with the same most probable token
  Estimate probability_change;  // mean of p_model(token) - p_base(token)
  Estimate probability_change_rms;
};
// REQUIRES: not empty.
ComparisonSummary Summarise(std::span<const TokenComparison> tokens);

}  // namespace tael
