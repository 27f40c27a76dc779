#include "api/ollama_request.h"

#include <fmt/format.h>

#include "api/call_fields.h"
#include "api/ollama_fields.h"
#include "api/ollama_messages.h"
#include "api/ollama_options.h"
#include "api/openai_fields.h"
#include "api/sampling_fields.h"

namespace tael {
namespace {

JsonArray ParseTools(ObjectReader& reader) {
  JsonArray tools;
  const JsonArray* list = reader.Array("tools");
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    ObjectReader tool((*list)[i], reader.PathOf("tools", i), kOllamaToolFields);
    if (tool.String("type").value_or("function") != "function") {
      tool.Wrong("type", "needed function");
    }
    ObjectReader inner(tool.RequiredObject("function"), tool.PathOf("function"),
                       kOpenAiFunctionFields);
    tools.push_back(ParseFunction(inner, "parameters"));
    inner.Finish();
    tool.Finish();
  }
  return tools;
}

// What the two endpoints share.
void ParseShared(ObjectReader& reader, SamplingRequest* request) {
  request->model = reader.RequiredString("model");
  request->stream = reader.Bool("stream").value_or(true);
  ParseOllamaOptions(reader, request);
  ParseLogProbs(reader, request);
}

Json MessageOf(const char* role, const std::string& text) {
  Json message;
  message.Set("role", role);
  message.Set("content", text);
  return message;
}

}  // namespace

ChatRequest ParseOllamaChatRequest(const Json& body) {
  ObjectReader reader(body, "", kOllamaChatFields);
  ChatRequest request;
  ParseShared(reader, &request);
  ParseOllamaThink(reader, &request);
  request.tools = ParseTools(reader);
  const JsonArray* messages = reader.Array("messages");
  if (messages != nullptr && !messages->empty()) {
    request.messages = ParseOllamaMessages(*messages);
    request.continues_last = *request.messages.back().Find("role") == Json("assistant");
  }
  reader.Finish();
  return request;
}

OllamaGenerateRequest ParseOllamaGenerateRequest(const Json& body) {
  ObjectReader reader(body, "", kOllamaGenerateFields);
  const std::string prompt = reader.String("prompt").value_or("");
  const std::string suffix = reader.String("suffix").value_or("");
  const std::string system = reader.String("system").value_or("");
  const bool raw = reader.Bool("raw").value_or(false);
  const bool completes = (raw && !prompt.empty()) || !suffix.empty();
  if (completes) {
    if (!system.empty()) reader.Wrong("system", "does not go with raw or suffix");
    const Json* think = reader.Take("think");
    if (think != nullptr && *think != Json(false)) {
      reader.Wrong("think", "does not go with raw or suffix");
    }
    CompletionRequest request;
    ParseShared(reader, &request);
    request.prompts.emplace_back(prompt);
    if (!suffix.empty()) request.suffix = suffix;
    reader.Finish();
    return request;
  }
  ChatRequest request;
  ParseShared(reader, &request);
  ParseOllamaThink(reader, &request);
  if (!prompt.empty()) {
    if (!system.empty()) request.messages.push_back(MessageOf("system", system));
    request.messages.push_back(MessageOf("user", prompt));
  }
  reader.Finish();
  return request;
}

}  // namespace tael
