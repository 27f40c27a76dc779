// The generation loop over one session: prompt in, tokens out, with stop rules and timings.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/finish_reason.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace tael {

struct GenerationRequest {
  std::vector<TokenId> prompt;  // whole conversation; a cached prefix is reused
  SamplingParams sampling;
  int max_tokens = 0;                // 0 = until a stop token or the end of the context
  std::vector<TokenId> stop_tokens;  // ends the answer; the token itself is in `tokens`
  std::shared_ptr<const TokenTexts> token_texts = nullptr;  // REQUIRED with banned strings
  // What Verdict::kInterject makes the answer go on with. REQUIRED with that verdict.
  std::vector<TokenId> interjection = {};
  // Called after each token; says whether the answer goes on. May be empty.
  std::function<Verdict(TokenId)> on_token;
  // Called while the prompt is evaluated: done, total tokens; returning false cancels. May be
  // empty.
  std::function<bool(int, int)> on_prompt;
};

struct GenerationResult {
  std::vector<TokenId> tokens;           // the last one may be the stop token
  std::vector<TokenLogProbs> log_probs;  // one per token, with sampling.log_probs
  FinishReason finish = FinishReason::kStop;
  int prompt_tokens = 0, cached_tokens = 0;
  double prompt_seconds = 0, decode_seconds = 0;
};

// Throws before evaluating anything: kExhausted when the prompt does not fit the context,
// kInvalidArgument for sampling parameters.
GenerationResult Generate(Session& session, const GenerationRequest& request);

}  // namespace tael
