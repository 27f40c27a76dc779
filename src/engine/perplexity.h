// Negative log-likelihood of token sequences under a model.
#pragma once

#include <span>
#include <vector>

#include "engine/session.h"

namespace tael {

// nll[i] = -ln p(tokens[i + 1] | tokens[0..i]) for i in 0 .. n-2, natural logarithm, log-softmax in
// double precision. Starts from an empty cache and truncates the session to 0 first.
std::vector<double> SequenceNll(Session& session, std::span<const TokenId> tokens);

struct PerplexityResult {
  double mean_nll = 0, standard_error = 0, perplexity = 0;
  int64_t scored = 0;
};

// Cuts `tokens` in windows of `window`, each scored from an empty cache without its first token.
PerplexityResult Perplexity(Session& session, std::span<const TokenId> tokens, int window);

}  // namespace tael
