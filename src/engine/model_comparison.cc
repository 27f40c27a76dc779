#include "engine/model_comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <utility>

#include "base/error.h"
#include "base/exact_math.h"
#include "base/exp_batch.h"
#include "engine/sampling/log_probs.h"

namespace tael {
namespace {

// Index of the first predicted token of each window among those of all windows.
std::vector<size_t> Offsets(const std::vector<TokenWindow>& windows) {
  std::vector<size_t> offsets;
  size_t offset = 0;
  for (const TokenWindow& window : windows) {
    offsets.push_back(offset);
    offset += window.size() - 1;
  }
  return offsets;
}

double CheckedNll(const LogSoftmax& log_softmax, std::span<const float> logits, TokenId target,
                  const char* whose) {
  const double nll = -log_softmax(logits[static_cast<size_t>(target)]);
  if (!std::isfinite(nll) || !std::isfinite(log_softmax.highest())) {
    Fail(ErrorCode::kCorrupt,
         "{} gives token {} no finite log-probability ({}, largest logit {}). Hint: `tael inspect "
         "--deep` looks for damaged weights",
         whose, target, -nll, log_softmax.highest());
  }
  return nll;
}

// sum of p (ln p - ln q), in 8 lanes as SumOfExp().
double Divergence(std::span<const float> p_logits, const LogSoftmax& p,
                  std::span<const float> q_logits, const LogSoftmax& q) {
  constexpr size_t kLanes = 8, kBlock = 256;
  const double shift = p.log_total() - q.log_total();
  std::array<double, kLanes> lanes = {};
  std::array<double, kBlock> weights;
  for (size_t begin = 0; begin < p_logits.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, p_logits.size() - begin);
    ExpOfDifferences(p_logits.subspan(begin, count), p.highest(), std::span(weights).first(count));
    for (size_t i = 0; i < count; ++i) {
      if (weights[i] == 0) continue;  // also where the logit is -infinity
      const double difference = static_cast<double>(p_logits[begin + i]) -
                                static_cast<double>(q_logits[begin + i]) - shift;
      lanes[i % kLanes] += weights[i] * difference;
    }
  }
  for (size_t step = kLanes / 2; step > 0; step /= 2) {
    for (size_t lane = 0; lane < step; ++lane) lanes[lane] += lanes[lane + step];
  }
  const double sum = lanes[0] * ExactExp(p.highest() - p.log_total());
  // Rounding may lead below 0 where the distributions are the same. NaN stays NaN.
  return sum < 0 ? 0 : sum;
}

std::ptrdiff_t Top(std::span<const float> logits, const LogSoftmax& log_softmax) {
  const auto highest = static_cast<float>(log_softmax.highest());
  return std::find(logits.begin(), logits.end(), highest) - logits.begin();
}

struct HeldRow {
  size_t window;
  int position;
  std::vector<float> logits;
};

}  // namespace

TokenComparison CompareRows(std::span<const float> base, std::span<const float> model,
                            TokenId target) {
  TAEL_CHECK(base.size() == model.size());
  const LogSoftmax p(base), q(model);
  TokenComparison result;
  result.base_nll = CheckedNll(p, base, target, "the base");
  result.nll = CheckedNll(q, model, target, "the model");
  result.kl = Divergence(base, p, model, q);
  if (!std::isfinite(result.kl)) {
    Fail(ErrorCode::kCorrupt,
         "the KL divergence is no finite number: the model rules out a token that the "
         "base holds possible");
  }
  result.same_top = Top(base, p) == Top(model, q);
  return result;
}

std::vector<TokenComparison> CompareWindows(WindowScorer& base, WindowScorer& model,
                                            const std::vector<TokenWindow>& windows,
                                            const std::function<void(int64_t)>& progress) {
  const std::vector<size_t> offsets = Offsets(windows);
  std::vector<TokenComparison> result(static_cast<size_t>(ScoredTokens(windows)));
  std::deque<HeldRow> held;
  int64_t done = 0;
  base.Start(windows, [&](const ScoredRow& row) {
    held.push_back({row.window, row.position, {row.logits.begin(), row.logits.end()}});
  });
  model.Start(windows, [&](const ScoredRow& row) {
    TAEL_CHECK(!held.empty() && held.front().window == row.window &&
               held.front().position == row.position);
    result[offsets[row.window] + static_cast<size_t>(row.position)] =
        CompareRows(held.front().logits, row.logits, row.target);
    held.pop_front();
    ++done;
  });
  while (base.Step()) {
    model.Step();
    progress(done);
  }
  TAEL_CHECK(!model.Step() && std::cmp_equal(done, result.size()));
  return result;
}

std::vector<double> NllOfWindows(WindowScorer& scorer, const std::vector<TokenWindow>& windows,
                                 const std::function<void(int64_t)>& progress) {
  const std::vector<size_t> offsets = Offsets(windows);
  std::vector<double> result(static_cast<size_t>(ScoredTokens(windows)));
  int64_t done = 0;
  scorer.Start(windows, [&](const ScoredRow& row) {
    result[offsets[row.window] + static_cast<size_t>(row.position)] =
        CheckedNll(LogSoftmax(row.logits), row.logits, row.target, "the model");
    ++done;
  });
  while (scorer.Step()) progress(done);
  TAEL_CHECK(std::cmp_equal(done, result.size()));
  return result;
}

ComparisonSummary Summarise(std::span<const TokenComparison> tokens) {
  std::vector<double> base_nll, nll, difference, kl, change;
  int64_t same = 0;
  for (const TokenComparison& token : tokens) {
    base_nll.push_back(token.base_nll);
    nll.push_back(token.nll);
    difference.push_back(token.nll - token.base_nll);
    kl.push_back(token.kl);
    change.push_back(ExactExp(-token.nll) - ExactExp(-token.base_nll));
    same += token.same_top ? 1 : 0;
  }
  ComparisonSummary summary;
  summary.base_nll = MeanOf(base_nll);
  summary.nll = MeanOf(nll);
  summary.base_perplexity = ExpOf(summary.base_nll);
  summary.perplexity = ExpOf(summary.nll);
  summary.perplexity_ratio = ExpOf(MeanOf(difference));
  summary.kl = MeanOf(kl);
  std::sort(kl.begin(), kl.end());
  summary.kl_median = Percentile(kl, 0.5);
  summary.kl_90 = Percentile(kl, 0.9);
  summary.kl_99 = Percentile(kl, 0.99);
  summary.kl_99_9 = Percentile(kl, 0.999);
  summary.kl_max = kl.back();
  summary.top_agreement = ShareOf(same, static_cast<int64_t>(tokens.size()));
  summary.probability_change = MeanOf(change);
  summary.probability_change_rms = RootMeanSquareOf(change);
  return summary;
}

}  // namespace tael
