#include "server/generation_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "server/api_errors.h"
#include "server/random_id.h"

namespace tael {
namespace {

// What a model that does not reason aloud, or has no levels, makes of the words for an effort.
ThinkingWish WishOf(const ChatRequest& request, const ThinkingStyle& style) {
  ThinkingWish wish;
  // A model that never reasons aloud does as it is asked.
  if (request.thinking != false || style.tags != nullptr) wish.on = request.thinking;
  if (request.thinking_budget) {
    constexpr int64_t kMostTokens = 1 << 24;
    wish.budget = static_cast<int>(std::min(*request.thinking_budget, kMostTokens));
  }
  if (!request.reasoning_effort) return wish;
  const std::string& level = *request.reasoning_effort;
  const auto& levels = style.levels;
  if (std::find(levels.begin(), levels.end(), level) != levels.end()) {
    wish.effort = level;
  } else if (!style.variable.empty()) {
    if (!wish.on) wish.on = true;  // the switch has no levels
  } else if (style.tags == nullptr) {
    throw ApiError(400, "unsupported_value", "reasoning_effort",
                   "reasoning_effort: this model does not reason aloud. Hint: none, or leave it "
                   "away");
  }
  return wish;
}

template <typename From, typename To>
void Use(const std::optional<From>& value, To* target) {
  if (value) *target = static_cast<To>(*value);
}

int MaxTokensOf(const std::optional<int64_t>& asked, int otherwise) {
  if (!asked) return otherwise;
  return static_cast<int>(std::min<int64_t>(*asked, std::numeric_limits<int>::max()));
}

SamplingParams SamplingOf(const SamplingRequest& request, const ServedModel& model) {
  SamplingParams sampling = model.sampling;
  Use(request.temperature, &sampling.temperature);
  Use(request.top_p, &sampling.top_p);
  Use(request.min_p, &sampling.min_p);
  Use(request.frequency_penalty, &sampling.frequency_penalty);
  Use(request.presence_penalty, &sampling.presence_penalty);
  if (request.top_k) {
    sampling.top_k = static_cast<int>(std::max<int64_t>(0, *request.top_k));  // -1 is off
  }
  if (request.repetition_penalty) {
    sampling.repeat_penalty = static_cast<float>(*request.repetition_penalty);
  }
  // Penalties of APIs look at all of the text.
  if (request.repetition_penalty || request.frequency_penalty || request.presence_penalty) {
    sampling.repeat_last_n = -1;
  }
  Use(request.repeat_last_n, &sampling.repeat_last_n);
  Use(request.typical_p, &sampling.typical_p);
  Use(request.mirostat, &sampling.mirostat);
  Use(request.mirostat_tau, &sampling.mirostat_tau);
  Use(request.mirostat_eta, &sampling.mirostat_eta);
  if (request.min_tokens) sampling.min_tokens = MaxTokensOf(request.min_tokens, 0);
  for (const auto& [id, value] : request.logit_bias) {
    sampling.logit_bias.push_back({id, static_cast<float>(value)});
  }
  sampling.log_probs = request.log_probs;
  // One that the answer names, so that it can be made again.
  constexpr uint64_t kFitsJson = (uint64_t{1} << 53) - 1;
  sampling.seed = request.seed               ? static_cast<uint64_t>(*request.seed)
                  : sampling.temperature > 0 ? RandomBits() & kFitsJson
                                             : sampling.seed;
  return sampling;
}

}  // namespace

const ChatFormat& FormatOf(const ServedModel& model) {
  if (model.format == nullptr) {
    throw ApiError(400, "unsupported_value", "model", model.why_no_format);
  }
  return *model.format;
}

void CheckFitsContext(size_t prompt_tokens, const ServedModel& model) {
  if (prompt_tokens > static_cast<size_t>(model.context)) {
    throw PromptTooLong(prompt_tokens, model.context);
  }
}

ChatWish MakeChatWish(const ChatRequest& request, const ServedModel& model) {
  ChatWish wish;
  wish.messages = request.messages;
  if (request.tool_choice != ToolChoice::kNone) wish.tools = request.tools;
  wish.one_call = !request.parallel_tool_calls;
  wish.arguments = request.template_arguments;
  wish.thinking = WishOf(request, FormatOf(model).thinking());
  return wish;
}

ChatPlan PlanChat(const ChatRequest& request, const ServedModel& model) {
  if (request.continues_last) {
    throw ApiError(400, "unsupported_value", "messages",
                   "messages: the last one is the assistant's, and answers do not go on behind "
                   "one. Hint: end with a message of the user");
  }
  if (request.context_tokens && *request.context_tokens > model.context) {
    throw ApiError(400, "invalid_value", "num_ctx",
                   fmt::format("num_ctx: is {}, and the context of this model has {} tokens",
                               *request.context_tokens, model.context));
  }
  ChatFormat::Prompt prompt = FormatOf(model).MakePrompt(MakeChatWish(request, model));
  CheckFitsContext(prompt.ids.size(), model);
  ChatPlan plan;
  plan.style = std::move(prompt.style);
  plan.style.stop_strings = request.stop;
  plan.style.stop_strings.insert(plan.style.stop_strings.end(), model.stop_strings.begin(),
                                 model.stop_strings.end());
  plan.request.prompt = std::move(prompt.ids);
  plan.request.interjection = std::move(prompt.interjection);
  plan.request.choices = request.choices;
  plan.request.sampling = SamplingOf(request, model);
  plan.request.max_tokens = MaxTokensOf(request.max_tokens, model.max_tokens);
  if (!request.ignores_end) plan.request.stop_tokens = model.loaded.stop_tokens;
  plan.request.token_texts = model.token_texts;
  plan.request.adapters = model.adapters;
  return plan;
}

}  // namespace tael
