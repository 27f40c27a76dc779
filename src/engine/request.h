// What is asked of the engine, and what it reports back.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/finish_reason.h"
#include "engine/owner_accounts.h"
#include "engine/pooling.h"
#include "engine/sampler.h"
#include "model/adapter.h"
#include "text/tokenizer.h"

namespace tael {

using RequestId = uint64_t;
using EngineTime = std::chrono::steady_clock::time_point;

// One answer of one request. `index` counts from 0 within the request.
struct ChoiceId {
  RequestId request = 0;
  int index = 0;
  auto operator<=>(const ChoiceId&) const = default;
};

// Counts of one finished choice.
struct ChoiceReport {
  FinishReason finish = FinishReason::kStop;
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt, taken from another request's work
  int completion_tokens = 0;
  int preemptions = 0;  // how often its memory was given away and its work done again
  // From Submit() to the first step with rows of this choice, from there to its first token, and
  // from there to its end; 0 for what did not come to pass.
  double queue_seconds = 0, prompt_seconds = 0, decode_seconds = 0;
};

// Called from Engine::Step(), on its thread, which may be before Submit() returned on another;
// those that are not REQUIRED may be empty. They must not call the engine, except Cancel() and
// Submit(). Every choice ends with exactly one on_finish or on_error, unless the engine is
// destroyed before. on_finish and on_error must not throw; a choice another of whose observers
// throws ends with on_error.
struct RequestObserver {
  // A new token of a choice, and whether the choice goes on. REQUIRED for answers.
  std::function<Verdict(const ChoiceId& choice, const SampledToken& token)> on_token;
  std::function<void(const ChoiceId& choice, const ChoiceReport& report)> on_finish;
  // The choice failed and ends.
  std::function<void(const ChoiceId& choice, const std::exception_ptr& error)> on_error;
  // Its first rows were evaluated; `queue_seconds` as in the report. Once, whatever follows.
  std::function<void(const ChoiceId& choice, double queue_seconds)> on_start;
  // So many tokens of the prompt are evaluated, or taken from others' work; after each step that
  // evaluated some. Begins anew when a preempted choice is evaluated again.
  std::function<void(const ChoiceId& choice, int done)> on_prompt;
  // Logits of every position that is evaluated, as far as observed_logits asks for them; again when
  // a preempted choice is evaluated again. Positions taken from others' work are not among them.
  std::function<void(const ChoiceId& choice, int position, std::span<const float> logits)>
      on_logits;
  // The pooled state of the whole prompt, with the position of its last token; of
  // PoolingKind::kNone the state of each position in turn, from the first one again when the
  // request is evaluated again. REQUIRED with pooling.
  std::function<void(const ChoiceId& choice, int position, std::span<const float> state)>
      on_embedding;
  // Natural logarithms of the probabilities that scored_tokens follow the prompt, in their order.
  // REQUIRED with scored_tokens.
  std::function<void(const ChoiceId& choice, std::span<const double> log_probs)> on_scores;
};

// Which logits on_logits is shown. Those of whole prompts cost memory and a product with the
// vocabulary for each position.
enum class ObservedLogits {
  kAll,                  // of every choice, of prompt and answer
  kPromptOfFirstChoice,  // of the prompt, which is the same for all choices
};

struct EngineRequest {
  std::vector<TokenId> prompt;
  int choices = 1;          // independent answers; whole blocks of the prompt are evaluated once
  SamplingParams sampling;  // `choice` is counted up from the one given here
  // REQUIRED with banned strings; of no more tokens than the model's vocabulary.
  std::shared_ptr<const TokenTexts> token_texts = nullptr;
  // Instead of an answer: the prompt's hidden states behind the final norm, pooled (ReadPooling()).
  // Ends with kStop and no token; choices is 1.
  std::optional<Pooling> pooling = std::nullopt;
  // Instead of an answer: how probable these tokens are next, as rerankers ask. The same end.
  std::vector<TokenId> scored_tokens = {};
  int max_tokens = 0;                // of each choice; 0 = until a stop token or the context's end
  std::vector<TokenId> stop_tokens;  // the token itself is reported
  // What Verdict::kInterject makes an answer go on with, token by token, each reported like any
  // other: the end of a reasoning that is over its budget. REQUIRED with that verdict.
  std::vector<TokenId> interjection;
  // Adapters of the model, added up in this order; none: the model as it is.
  std::vector<AdapterChoice> adapters = {};
  // Whether the beginning of the prompt may be taken from other requests' work, which gives the
  // same bits. Work is shared only between requests of equal salt and equal adapters.
  bool reuse_prefix = true;
  uint64_t cache_salt = 0;
  // Whose it is: owners are served alike in tokens, in proportion to their weights (of which the
  // last one given counts). 0: nobody in particular, who is an owner like any other.
  OwnerId owner = 0;
  double weight = 1;  // above 0, up to 1000
  // Among the requests of its owner: higher ones first. Gains nothing over other owners.
  int priority = 0;
  // When it passes, the choices that are not finished end with kDeadline at the next step: before
  // anything is computed for those that have not begun, with the tokens so far for the others.
  std::optional<EngineTime> deadline = std::nullopt;
  RequestObserver observer;
  ObservedLogits observed_logits = ObservedLogits::kAll;
};

}  // namespace tael
