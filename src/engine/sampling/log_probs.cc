#include "engine/sampling/log_probs.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/exact_math.h"
#include "engine/sampling/candidates.h"

namespace tael {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The `count` first of all tokens by Before(). Few tokens get as far as the insertion.
std::vector<Candidate> Best(std::span<const float> logits, size_t count) {
  std::vector<Candidate> best;
  for (size_t i = 0; i < logits.size() && count > 0; ++i) {
    if (best.size() == count && !(logits[i] > best.back().logit)) continue;
    if (best.size() == count) best.pop_back();
    const Candidate candidate{static_cast<TokenId>(i), logits[i]};
    best.insert(std::upper_bound(best.begin(), best.end(), candidate, Before), candidate);
  }
  return best;
}

}  // namespace

LogSoftmax::LogSoftmax(std::span<const float> logits) : highest_(-kInfinity) {
  for (const float x : logits) highest_ = std::max(highest_, static_cast<double>(x));
  if (highest_ == -kInfinity) return;
  double sum = 0;
  for (const float x : logits) {
    const auto logit = static_cast<double>(x);
    sum += logit == highest_ ? 1.0 : ExactExp(logit - highest_);
  }
  log_sum_ = ExactLog(sum);
}

double LogSoftmax::operator()(float logit) const {
  const auto x = static_cast<double>(logit);
  if (x == -kInfinity) return -kInfinity;
  return (x == highest_ ? 0.0 : x - highest_) - log_sum_;
}

TokenLogProbs ComputeLogProbs(std::span<const float> logits, TokenId chosen, int top_n) {
  const LogSoftmax log_softmax(logits);
  TokenLogProbs result;
  result.chosen = {chosen, log_softmax(logits[static_cast<size_t>(chosen)])};
  for (const Candidate& c : Best(logits, static_cast<size_t>(top_n))) {
    const double log_prob = log_softmax(c.logit);
    if (log_prob != -kInfinity) result.top.push_back({c.id, log_prob});
  }
  return result;
}

std::vector<TokenLogProbs> ComputePromptLogProbs(std::span<const float> logits, size_t vocab_size,
                                                 std::span<const TokenId> tokens, int top_n) {
  TAEL_CHECK(!tokens.empty() && logits.size() >= (tokens.size() - 1) * vocab_size);
  std::vector<TokenLogProbs> result;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    result.push_back(
        ComputeLogProbs(logits.subspan(i * vocab_size, vocab_size), tokens[i + 1], top_n));
  }
  return result;
}

}  // namespace tael
