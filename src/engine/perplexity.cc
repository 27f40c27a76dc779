#include "engine/perplexity.h"

#include <algorithm>

#include "base/error.h"
#include "engine/sampling/log_probs.h"
#include "engine/statistics.h"

namespace tael {
namespace {

// Rows of logits held at once: bounds memory for large vocabularies.
constexpr size_t kSlice = 128;

}  // namespace

std::vector<double> SequenceNll(Session& session, std::span<const TokenId> tokens) {
  session.Truncate(0);
  std::vector<double> nll;
  const auto vocab = static_cast<size_t>(session.model().spec.vocab_size);
  for (size_t begin = 0; begin + 1 < tokens.size(); begin += kSlice) {
    const size_t count = std::min(kSlice, tokens.size() - begin);
    const EvalResult result = session.Evaluate(tokens.subspan(begin, count), {.all_logits = true});
    for (size_t i = 0; i < count && begin + i + 1 < tokens.size(); ++i) {
      const std::span<const float> row(result.logits.data() + i * vocab, vocab);
      const auto target = static_cast<size_t>(tokens[begin + i + 1]);
      nll.push_back(-LogSoftmax(row)(row[target]));
    }
  }
  return nll;
}

PerplexityResult Perplexity(Session& session, std::span<const TokenId> tokens, int window) {
  if (window < 2 || window > session.max_context()) {
    Fail(ErrorCode::kInvalidArgument, "window is {}, needed 2 to the context of {}", window,
         session.max_context());
  }
  std::vector<double> all;
  for (size_t begin = 0; begin + 1 < tokens.size(); begin += static_cast<size_t>(window)) {
    const size_t count = std::min(static_cast<size_t>(window), tokens.size() - begin);
    const std::vector<double> nll = SequenceNll(session, tokens.subspan(begin, count));
    all.insert(all.end(), nll.begin(), nll.end());
  }
  if (all.empty()) {
    Fail(ErrorCode::kInvalidArgument, "{} token(s) are too few to score; at least 2 are needed",
         tokens.size());
  }
  const Estimate mean = MeanOf(all);
  return {.mean_nll = mean.value,
          .standard_error = mean.error,
          .perplexity = ExpOf(mean).value,
          .scored = static_cast<int64_t>(all.size())};
}

}  // namespace tael
