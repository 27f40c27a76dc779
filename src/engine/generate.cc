#include "engine/generate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "spec/long_context.h"

namespace tael {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Tokens of prompt evaluated between two looks at the cancel flag.
constexpr size_t kPromptSlice = 256;

// Evaluates the part of the prompt that is not cached yet; false when cancelled.
bool EvaluatePrompt(Session& session, const GenerationRequest& request,
                    std::vector<float>* logits) {
  const std::span<const TokenId> prompt = request.prompt;
  while (session.length() < static_cast<int>(prompt.size())) {
    const auto rest = prompt.subspan(static_cast<size_t>(session.length()));
    *logits = session.Evaluate(rest.first(std::min(rest.size(), kPromptSlice))).logits;
    if (request.on_prompt &&
        !request.on_prompt(session.length(), static_cast<int>(prompt.size()))) {
      return false;
    }
  }
  return true;
}

// Drops what the new prompt does not share. The last prompt token is always evaluated again: its
// logits are needed.
int ReusePrefix(Session& session, const std::vector<TokenId>& prompt) {
  const int shared = std::min(session.CommonPrefix(prompt), static_cast<int>(prompt.size()) - 1);
  return session.Truncate(shared);
}

bool IsStop(const GenerationRequest& request, TokenId id) {
  return std::find(request.stop_tokens.begin(), request.stop_tokens.end(), id) !=
         request.stop_tokens.end();
}

void Check(const Session& session, const GenerationRequest& request) {
  const int vocabulary = session.model().spec.vocab_size;
  Validate(request.sampling, vocabulary);
  CheckTokenTexts(request.sampling, request.token_texts.get(), vocabulary);
  if (request.prompt.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the prompt has no tokens. Hint: give some text");
  }
  if (static_cast<int64_t>(request.prompt.size()) > session.max_context()) {
    Fail(ErrorCode::kExhausted,
         "the prompt has {} tokens, but the context holds {}. Hint: a larger --ctx (this model "
         "allows {}) or a shorter prompt{}",
         request.prompt.size(), session.max_context(), session.model().spec.max_context,
         LongContextHint(session.model().spec));
  }
}

}  // namespace

GenerationResult Generate(Session& session, const GenerationRequest& request) {
  Check(session, request);
  Sampler sampler(
      request.sampling, session.kernels(),
      {.prompt = request.prompt, .stop_tokens = request.stop_tokens, .texts = request.token_texts});
  GenerationResult result;
  result.prompt_tokens = static_cast<int>(request.prompt.size());
  result.cached_tokens = ReusePrefix(session, request.prompt);
  std::vector<float> logits;
  const Clock::time_point start = Clock::now();
  const bool evaluated = EvaluatePrompt(session, request, &logits);
  result.prompt_seconds = SecondsSince(start);
  if (!evaluated) {
    result.finish = FinishReason::kCancelled;
    return result;
  }
  std::span<const TokenId> interjection;  // what is left of it
  const Clock::time_point decode_start = Clock::now();
  for (;;) {
    // The position of the new token keys its random number.
    const auto position = static_cast<int64_t>(request.prompt.size() + result.tokens.size());
    SampledToken sampled = interjection.empty() ? sampler.Sample(logits, position)
                                                : sampler.Given(logits, interjection.front());
    if (!interjection.empty()) interjection = interjection.subspan(1);
    const TokenId id = sampled.id;
    sampler.Accept(id);
    result.tokens.push_back(id);
    if (sampled.log_probs) result.log_probs.push_back(std::move(*sampled.log_probs));
    const Verdict verdict = request.on_token ? request.on_token(id) : Verdict::kGoOn;
    if (verdict == Verdict::kInterject) interjection = request.interjection;
    if (IsStop(request, id) || verdict == Verdict::kStop) {
      result.finish = FinishReason::kStop;
    } else if (verdict == Verdict::kCancel) {
      result.finish = FinishReason::kCancelled;
    } else if (static_cast<int>(result.tokens.size()) == request.max_tokens) {
      result.finish = FinishReason::kLength;
    } else if (session.length() == session.max_context()) {
      result.finish = FinishReason::kContextFull;
    } else {
      logits = session.Evaluate(std::span<const TokenId>(&id, 1)).logits;
      continue;
    }
    break;
  }
  result.decode_seconds = SecondsSince(decode_start);
  return result;
}

}  // namespace tael
