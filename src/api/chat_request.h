// What a chat endpoint of any API is asked for.
#pragma once

#include <optional>
#include <string>

#include "api/sampling_request.h"
#include "base/json.h"

namespace tael {

enum class ToolChoice {
  kAuto,  // the model decides
  kNone,  // no calls: tools are not shown to the model
};

// Fields that are absent have the model's or the configuration's default, not the API's.
struct ChatRequest : SamplingRequest {
  // As chat templates read them: role (system, user, assistant, tool), content (a string), and of
  // assistants tool_calls [{id, type, function: {name, arguments: JSON text}}] and
  // reasoning_content, of tools tool_call_id and name.
  JsonArray messages;
  // The last message is the assistant's, and the answer goes on behind its content.
  bool continues_last = false;
  JsonArray tools;  // [{type: function, function: {name, description, parameters}}]
  ToolChoice tool_choice = ToolChoice::kAuto;
  bool parallel_tool_calls = true;  // false: the answer ends behind the first call

  std::optional<bool> thinking;                 // on or off
  std::optional<std::string> reasoning_effort;  // a word of the API, "low" to "high" and others
  std::optional<int64_t> thinking_budget;       // tokens of reasoning, then it is closed
  JsonObject template_arguments;
};

}  // namespace tael
