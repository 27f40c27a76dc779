#include "api/response_object.h"

#include <cmath>

#include "api/openai_answer.h"

namespace tael {
namespace {

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

JsonArray ToolsToJson(const JsonArray& tools) {
  JsonArray list;
  for (const Json& tool : tools) {
    const Json& function = *tool.Find("function");
    const Json *text = function.Find("description"), *schema = function.Find("parameters");
    Json json;
    json.Set("type", "function");
    json.Set("name", *function.Find("name"));
    json.Set("description", text == nullptr ? Json() : *text);
    json.Set("parameters", schema == nullptr ? Json() : *schema);
    json.Set("strict", false);
    list.push_back(std::move(json));
  }
  return list;
}

Json ReasoningToJson(const ResponseRequest& request) {
  Json json;
  json.Set("effort",
           request.chat.thinking == false ? Json("none") : OrNull(request.chat.reasoning_effort));
  json.Set("summary", OrNull(request.summary));
  return json;
}

Json TextFormat() {
  Json format, json;
  format.Set("type", "text");
  json.Set("format", std::move(format));
  return json;
}

const char* ErrorCodeOf(const ApiError& error) {
  if (error.status() == 429) return "rate_limit_exceeded";
  return error.status() >= 500 ? "server_error" : "invalid_prompt";
}

}  // namespace

Json ResponseObject(const AnswerHead& head, const ResponseRequest& request, const char* status,
                    JsonArray output) {
  const ChatRequest& chat = request.chat;
  Json json;
  json.Set("id", head.id);
  json.Set("object", "response");
  json.Set("created_at", head.created);
  json.Set("completed_at", Json());
  json.Set("status", status);
  json.Set("background", false);
  json.Set("error", Json());
  json.Set("incomplete_details", Json());
  json.Set("instructions", request.instructions.empty() ? Json() : Json(request.instructions));
  json.Set("max_output_tokens", OrNull(chat.max_tokens));
  json.Set("max_tool_calls", Json());
  json.Set("model", head.model);
  json.Set("output", std::move(output));
  json.Set("parallel_tool_calls", chat.parallel_tool_calls);
  json.Set("previous_response_id", OrNull(request.previous));
  json.Set("reasoning", ReasoningToJson(request));
  json.Set("service_tier", "default");
  json.Set("store", request.store);
  json.Set("system_fingerprint", head.fingerprint);
  json.Set("temperature", OrNull(chat.temperature));
  json.Set("text", TextFormat());
  json.Set("tool_choice", chat.tool_choice == ToolChoice::kNone ? "none" : "auto");
  json.Set("tools", ToolsToJson(chat.tools));
  json.Set("top_logprobs", chat.log_probs.value_or(0));
  json.Set("top_p", OrNull(chat.top_p));
  json.Set("truncation", "disabled");
  json.Set("metadata", request.metadata);
  return json;
}

void SetResponseUsage(const AnswerUsage& usage, Json* response) {
  const double seconds =
      usage.load_seconds + usage.queue_seconds + usage.prompt_seconds + usage.decode_seconds;
  Json input, output, json;
  input.Set("cached_tokens", usage.cached_tokens);
  input.Set("cache_write_tokens", 0);
  output.Set("reasoning_tokens", usage.reasoning_tokens);
  json.Set("input_tokens", usage.prompt_tokens);
  json.Set("input_tokens_details", std::move(input));
  json.Set("output_tokens", usage.completion_tokens);
  json.Set("output_tokens_details", std::move(output));
  json.Set("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  response->Set("completed_at",
                response->Find("created_at")->as_int() + int64_t{std::llround(seconds)});
  response->Set("usage", std::move(json));
  response->Set("timings", TimingsJson(usage));
}

void SetResponseError(const ApiError& error, Json* response) {
  Json json;
  json.Set("code", ErrorCodeOf(error));
  json.Set("message", error.what());
  response->Set("error", std::move(json));
}

Json ResponsePartJson(const ResponseItem& item) {
  Json part;
  switch (item.kind) {
    case ResponseItem::Kind::kMessage:
      part.Set("type", "output_text");
      part.Set("text", item.text);
      part.Set("annotations", JsonArray{});
      part.Set("logprobs", item.log_probs);
      return part;
    case ResponseItem::Kind::kReasoning:
      part.Set("type", "reasoning_text");
      break;
    case ResponseItem::Kind::kSummary:
    case ResponseItem::Kind::kCall:
      part.Set("type", "summary_text");
      break;
  }
  part.Set("text", item.text);
  return part;
}

Json ResponseItemJson(const ResponseItem& item, const char* status, bool parts) {
  using Kind = ResponseItem::Kind;
  const auto content = [&] { return parts ? JsonArray{ResponsePartJson(item)} : JsonArray{}; };
  Json json;
  json.Set("id", item.id);
  switch (item.kind) {
    case Kind::kMessage:
      json.Set("type", "message");
      json.Set("role", "assistant");
      json.Set("content", content());
      break;
    case Kind::kReasoning:
      json.Set("type", "reasoning");
      json.Set("summary", JsonArray{});
      json.Set("content", content());
      break;
    case Kind::kSummary:
      json.Set("type", "reasoning");
      json.Set("summary", content());
      break;
    case Kind::kCall:
      json.Set("type", "function_call");
      json.Set("call_id", item.call_id);
      json.Set("name", item.name);
      json.Set("arguments", item.text);
      break;
  }
  json.Set("status", status);
  return json;
}

}  // namespace tael
