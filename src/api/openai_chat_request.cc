#include "api/openai_chat_request.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "api/api_error.h"
#include "api/object_reader.h"
#include "api/openai_messages.h"

namespace tael {
namespace {

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
constexpr int kMaxChoices = 128;
constexpr size_t kMaxStops = 16, kMaxBiases = 1024;
constexpr const char* kConstrained =
    "needs constrained decoding, which is not there yet: answers are free text";

std::vector<std::string> ParseStop(ObjectReader& reader) {
  const Json* stop = reader.Take("stop");
  if (stop == nullptr) return {};
  std::vector<std::string> texts;
  const auto add = [&](const Json& text) {
    if (!text.is_string() || text.as_string().empty()) reader.Wrong("stop", "needed texts");
    texts.push_back(text.as_string());
  };
  if (!stop->is_array()) {
    add(*stop);
  } else {
    for (const Json& text : stop->as_array()) add(text);
  }
  if (texts.size() > kMaxStops) {
    reader.Wrong("stop", fmt::format("{} texts, at most {} are taken", texts.size(), kMaxStops));
  }
  return texts;
}

std::vector<std::pair<int32_t, double>> ParseBias(ObjectReader& reader) {
  std::vector<std::pair<int32_t, double>> biases;
  const Json* object = reader.Object("logit_bias");
  if (object == nullptr) return biases;
  if (object->as_object().size() > kMaxBiases) {
    reader.Wrong("logit_bias", fmt::format("more than {} tokens", kMaxBiases));
  }
  for (const auto& [key, value] : object->as_object()) {
    int32_t id = -1;
    const char* end = key.data() + key.size();
    const auto [stop, error] = std::from_chars(key.data(), end, id);
    const bool fits = value.is_number() && value.as_double() >= -100 && value.as_double() <= 100;
    if (error != std::errc() || stop != end || id < 0 || !fits) {
      reader.Wrong("logit_bias", "needed token ids with numbers from -100 to 100");
    }
    biases.emplace_back(id, value.as_double());
  }
  return biases;
}

JsonArray ParseTools(ObjectReader& reader) {
  JsonArray tools;
  const JsonArray* list = reader.Array("tools");
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    ObjectReader tool((*list)[i], fmt::format("tools[{}]", i));
    const std::string type = tool.RequiredString("type");
    if (type != "function") tool.Wrong("type", "needed function: others need constrained decoding");
    const Json* function = tool.Object("function");
    tool.Finish();
    if (function == nullptr) tool.Wrong("function", "is missing");
    ObjectReader inner(*function, tool.PathOf("function"));
    Json target;
    target.Set("name", inner.RequiredString("name"));
    if (auto text = inner.String("description")) target.Set("description", *std::move(text));
    if (const Json* schema = inner.Object("parameters")) target.Set("parameters", *schema);
    inner.Ignore({"strict"});
    inner.Finish();
    Json parsed;
    parsed.Set("type", type);
    parsed.Set("function", target);
    tools.push_back(std::move(parsed));
  }
  return tools;
}

ToolChoice ParseToolChoice(ObjectReader& reader) {
  const Json* choice = reader.Take("tool_choice");
  if (choice == nullptr || *choice == Json("auto")) return ToolChoice::kAuto;
  if (*choice == Json("none")) return ToolChoice::kNone;
  throw ApiError(400, "unsupported_value", "tool_choice",
                 fmt::format("tool_choice: a forced call {}. Hint: auto or none", kConstrained));
}

void CheckFormat(ObjectReader& reader) {
  const Json* format = reader.Object("response_format");
  if (format == nullptr) return;
  const Json* type = format->Find("type");
  if (type != nullptr && *type == Json("text")) return;
  throw ApiError(400, "unsupported_value", "response_format",
                 fmt::format("response_format: it {}. Hint: type text", kConstrained));
}

void ParseStream(ObjectReader& reader, ChatRequest* request) {
  request->stream = reader.Bool("stream").value_or(false);
  const Json* options = reader.Object("stream_options");
  if (options == nullptr) return;
  if (!request->stream) reader.Wrong("stream_options", "is for streams only");
  ObjectReader inner(*options, "stream_options");
  request->stream_usage = inner.Bool("include_usage").value_or(false);
  inner.Ignore({"include_obfuscation"});  // none is added
  inner.Finish();
}

void ParseSampling(ObjectReader& reader, ChatRequest* request) {
  request->temperature = reader.Number("temperature", 0, 2);
  request->top_p = reader.Number("top_p", 0, 1);
  request->min_p = reader.Number("min_p", 0, 1);
  request->top_k = reader.Int("top_k", -1, std::numeric_limits<int32_t>::max());
  request->frequency_penalty = reader.Number("frequency_penalty", -2, 2);
  request->presence_penalty = reader.Number("presence_penalty", -2, 2);
  request->repetition_penalty = reader.Number("repetition_penalty", 0.01, 100);
  request->seed = reader.Int("seed", std::numeric_limits<int64_t>::min(), kAny);
  request->logit_bias = ParseBias(reader);
  request->choices = static_cast<int>(reader.Int("n", 1, kMaxChoices).value_or(1));
  request->stop = ParseStop(reader);
  request->max_tokens = reader.Int("max_tokens", 1, kAny);
  if (const auto newer = reader.Int("max_completion_tokens", 1, kAny)) {
    request->max_tokens = newer;
  }
  const auto top = reader.Int("top_logprobs", 0, 20);
  const bool wanted = reader.Bool("logprobs").value_or(false);
  if (top && *top > 0 && !wanted) reader.Wrong("top_logprobs", "needs logprobs: true");
  if (wanted) request->log_probs = static_cast<int>(top.value_or(0));
}

void CheckOthers(ObjectReader& reader) {
  CheckFormat(reader);
  reader.Refuse("modalities", "models here write text only", Json(JsonArray{Json("text")}));
  reader.Refuse("audio", "models here write text only");
  reader.Refuse("functions", "the older form of tools is not read");
  reader.Refuse("function_call", "the older form of tool_choice is not read");
  reader.Refuse("web_search_options", "there is no search");
  reader.Refuse("moderation", "nothing is moderated");
  reader.Refuse("prediction", "predicted outputs are not used");
  reader.Ignore({"user", "safety_identifier", "metadata", "service_tier", "prompt_cache_key",
                 "prompt_cache_retention", "prompt_cache_options", "verbosity", "store"});
}

}  // namespace

ChatRequest ParseOpenAiChatRequest(const Json& body) {
  ObjectReader reader(body, "");
  ChatRequest request;
  request.model = reader.RequiredString("model");
  request.messages = ParseOpenAiMessages(reader.RequiredArray("messages"));
  request.tools = ParseTools(reader);
  request.tool_choice = ParseToolChoice(reader);
  request.parallel_tool_calls = reader.Bool("parallel_tool_calls").value_or(true);
  ParseSampling(reader, &request);
  ParseStream(reader, &request);
  request.reasoning_effort = reader.String("reasoning_effort");
  if (const Json* arguments = reader.Object("chat_template_kwargs")) {
    request.template_arguments = arguments->as_object();
  }
  CheckOthers(reader);
  reader.Finish();
  return request;
}

}  // namespace tael
