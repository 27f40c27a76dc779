// What a chat endpoint of any API is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace tael {

enum class ToolChoice {
  kAuto,  // the model decides
  kNone,  // no calls: tools are not shown to the model
};

// Fields that are absent have the model's or the configuration's default, not the API's.
struct ChatRequest {
  std::string model;
  // As chat templates read them: role (system, user, assistant, tool), content (a string), and of
  // assistants tool_calls [{id, type, function: {name, arguments: JSON text}}] and
  // reasoning_content, of tools tool_call_id and name.
  JsonArray messages;
  JsonArray tools;  // [{type: function, function: {name, description, parameters}}]
  ToolChoice tool_choice = ToolChoice::kAuto;
  bool parallel_tool_calls = true;  // false: the answer ends behind the first call

  std::optional<double> temperature, top_p, min_p;
  std::optional<double> frequency_penalty, presence_penalty, repetition_penalty;
  std::optional<int64_t> top_k;
  std::optional<int64_t> seed;
  std::vector<std::pair<int32_t, double>> logit_bias;
  int choices = 1;
  std::vector<std::string> stop;
  std::optional<int64_t> max_tokens;  // of reasoning and answer together
  std::optional<int> log_probs;       // of picked tokens, and of so many best ones

  std::optional<std::string> reasoning_effort;
  JsonObject template_arguments;

  bool stream = false;
  bool stream_usage = false;
};

}  // namespace tael
