#include "api/openai_completion_request.h"

#include <fmt/format.h>

#include "api/openai_fields.h"
#include "api/prompt_inputs.h"
#include "api/sampling_fields.h"

namespace tael {
namespace {

constexpr int64_t kDefaultMaxTokens = 16;  // the API's own, which its clients count on

void CheckChoices(ObjectReader& reader, const CompletionRequest& request) {
  const size_t choices = request.prompts.size() * static_cast<size_t>(request.choices);
  if (choices > kMaxChoices) {
    reader.Wrong("n", fmt::format("{} prompts times {} are {} answers, at most {} are given",
                                  request.prompts.size(), request.choices, choices, kMaxChoices));
  }
  const auto best_of = reader.Int("best_of", 1, kAnyInt);
  if (best_of && *best_of != request.choices) {
    reader.Unsupported("best_of", fmt::format("is {} with n {}, and answers are not ranked. Hint: "
                                              "the same number as n",
                                              *best_of, request.choices));
  }
}

}  // namespace

CompletionRequest ParseOpenAiCompletionRequest(const Json& body) {
  ObjectReader reader(body, "", kOpenAiCompletionFields);
  CompletionRequest request;
  request.model = reader.RequiredString("model");
  request.prompts = ParsePromptInputs(reader, "prompt", kMaxChoices);
  request.echo = reader.Bool("echo").value_or(false);
  request.suffix = reader.String("suffix");
  if (request.suffix && request.suffix->empty()) request.suffix.reset();
  if (request.suffix && request.echo) reader.Wrong("echo", "does not go with suffix");
  ParseOpenAiSampling(reader, &request);
  ParseOpenAiStream(reader, &request);
  CheckChoices(reader, request);
  request.max_tokens = reader.Int("max_tokens", 0, kAnyInt).value_or(kDefaultMaxTokens);
  if (request.max_tokens == 0 && !request.echo) {
    reader.Wrong("max_tokens", "is 0, which needs echo: there would be no answer");
  }
  if (const auto best = reader.Int("logprobs", 0, kMaxTopLogProbs)) {
    request.log_probs = static_cast<int>(*best);
  }
  reader.Finish();
  return request;
}

}  // namespace tael
