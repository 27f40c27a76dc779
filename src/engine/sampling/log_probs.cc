#include "engine/sampling/log_probs.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/exact_math.h"
#include "base/exp_batch.h"
#include "engine/sampling/candidates.h"

namespace tael {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Whether anything in [x, x + kRun) is above `bar`; without branches, so that it is quick.
constexpr size_t kRun = 64;
bool AnyAbove(const float* x, float bar) {
  int above = 0;
  for (size_t i = 0; i < kRun; ++i) above |= x[i] > bar ? 1 : 0;
  return above != 0;
}

// The `count` first of all tokens by Before(). Few tokens get as far as the insertion.
std::vector<Candidate> Best(std::span<const float> logits, size_t count) {
  std::vector<Candidate> best;
  for (size_t i = 0; i < logits.size() && count > 0; ++i) {
    if (best.size() == count) {
      const float bar = best.back().logit;
      while (i + kRun <= logits.size() && !AnyAbove(&logits[i], bar)) i += kRun;
      if (i == logits.size()) break;
      if (!(logits[i] > bar)) continue;
      best.pop_back();
    }
    const Candidate candidate{static_cast<TokenId>(i), logits[i]};
    best.insert(std::upper_bound(best.begin(), best.end(), candidate, Before), candidate);
  }
  return best;
}

// The highest logit that is a number, in lanes that the compiler can keep together; -infinity when
// there is none.
double Highest(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = logits[i + lane] > lanes[lane] ? logits[i + lane] : lanes[lane];
    }
  }
  for (; i < logits.size(); ++i) lanes[0] = std::max(lanes[0], logits[i]);
  return static_cast<double>(*std::max_element(lanes, lanes + kLanes));
}

}  // namespace

LogSoftmax::LogSoftmax(std::span<const float> logits) : highest_(Highest(logits)) {
  if (highest_ == -kInfinity) return;
  if (highest_ == kInfinity) {
    log_sum_ = ExactLog(static_cast<double>(
        std::count(logits.begin(), logits.end(), std::numeric_limits<float>::infinity())));
    return;
  }
  const double sum = SumOfExp(logits, highest_);
  log_sum_ = sum == sum ? ExactLog(sum) : sum;
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
