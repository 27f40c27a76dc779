#include "api/openai_chat_answer.h"

#include "api/openai_chat_request.h"
#include "base/error.h"

namespace tael {
namespace {

std::string Sse(const Json& data) { return "data: " + DumpJson(data) + "\n\n"; }

const char* Name(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kStop:
      return "stop";
    case AnswerEnd::kLength:
      return "length";
    case AnswerEnd::kToolCalls:
      return "tool_calls";
  }
  return "stop";
}

Json LogProbToJson(const AnswerLogProb& entry) {
  Json json;
  json.Set("token", entry.token);
  json.Set("logprob", entry.log_prob);
  JsonArray bytes;
  bytes.reserve(entry.token.size());
  for (const char c : entry.token) bytes.emplace_back(static_cast<int>(static_cast<uint8_t>(c)));
  json.Set("bytes", std::move(bytes));
  return json;
}

Json TokenToJson(const AnswerToken& token) {
  Json json = LogProbToJson(token.picked);
  JsonArray best;
  best.reserve(token.best.size());
  for (const AnswerLogProb& entry : token.best) best.push_back(LogProbToJson(entry));
  json.Set("top_logprobs", std::move(best));
  return json;
}

Json LogProbsToJson(JsonArray tokens) {
  Json json;
  json.Set("content", std::move(tokens));
  json.Set("refusal", Json());
  return json;
}

Json UsageToJson(const AnswerUsage& usage) {
  Json prompt, completion, json;
  prompt.Set("cached_tokens", usage.cached_tokens);
  prompt.Set("audio_tokens", 0);
  completion.Set("reasoning_tokens", usage.reasoning_tokens);
  completion.Set("audio_tokens", 0);
  completion.Set("accepted_prediction_tokens", 0);
  completion.Set("rejected_prediction_tokens", 0);
  json.Set("prompt_tokens", usage.prompt_tokens);
  json.Set("completion_tokens", usage.completion_tokens);
  json.Set("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  json.Set("prompt_tokens_details", std::move(prompt));
  json.Set("completion_tokens_details", std::move(completion));
  return json;
}

Json HeadToJson(const AnswerHead& head, const char* object) {
  Json json;
  json.Set("id", head.id);
  json.Set("object", object);
  json.Set("created", head.created);
  json.Set("model", head.model);
  json.Set("system_fingerprint", head.fingerprint);
  return json;
}

Json CallToJson(const std::string& id, const std::string& name, const std::string& arguments) {
  Json function, json;
  function.Set("name", name);
  function.Set("arguments", arguments);
  json.Set("id", id);
  json.Set("type", "function");
  json.Set("function", std::move(function));
  return json;
}

// What an event changes of a message.
Json DeltaOf(const AnswerEvent& event) {
  Json delta = JsonObject{};
  switch (event.kind) {
    case AnswerEvent::Kind::kText:
      delta.Set("content", event.text);
      break;
    case AnswerEvent::Kind::kReasoning:
      delta.Set("reasoning_content", event.text);
      break;
    case AnswerEvent::Kind::kCallBegin:
    case AnswerEvent::Kind::kCallArguments: {
      Json call, function;
      call.Set("index", event.call);
      if (event.kind == AnswerEvent::Kind::kCallBegin) {
        call.Set("id", event.id);
        call.Set("type", "function");
        function.Set("name", event.name);
      }
      function.Set("arguments", event.text);
      call.Set("function", std::move(function));
      delta.Set("tool_calls", JsonArray{std::move(call)});
      break;
    }
    case AnswerEvent::Kind::kEnd:
      break;
  }
  return delta;
}

}  // namespace

Json OpenAiChatStream::Frame() const { return HeadToJson(head_, "chat.completion.chunk"); }

Json OpenAiChatStream::Chunk(int choice, Json delta, const AnswerEvent* event) const {
  Json entry;
  entry.Set("index", choice);
  entry.Set("delta", std::move(delta));
  JsonArray tokens;
  for (size_t i = 0; event != nullptr && i < event->tokens.size(); ++i) {
    tokens.push_back(TokenToJson(event->tokens[i]));
  }
  const bool shown = log_probs_ && !tokens.empty();
  entry.Set("logprobs", shown ? LogProbsToJson(std::move(tokens)) : Json());
  const bool ended = event != nullptr && event->kind == AnswerEvent::Kind::kEnd;
  entry.Set("finish_reason", ended ? Json(Name(event->end)) : Json());
  Json chunk = Frame();
  chunk.Set("choices", JsonArray{std::move(entry)});
  if (usage_) chunk.Set("usage", Json());
  return chunk;
}

std::string OpenAiChatStream::Begin() const {
  std::string text;
  for (int choice = 0; choice < head_.choices; ++choice) {
    Json delta;
    delta.Set("role", "assistant");
    delta.Set("content", "");
    delta.Set("refusal", Json());
    text += Sse(Chunk(choice, std::move(delta), nullptr));
  }
  return text;
}

std::string OpenAiChatStream::Of(const AnswerEvent& event) const {
  return Sse(Chunk(event.choice, DeltaOf(event), &event));
}

std::string OpenAiChatStream::End(const AnswerUsage& usage) const {
  std::string text;
  if (usage_) {
    Json chunk = Frame();
    chunk.Set("choices", JsonArray{});
    chunk.Set("usage", UsageToJson(usage));
    text = Sse(chunk);
  }
  return text + "data: [DONE]\n\n";
}

std::string OpenAiChatStream::Error(int status, const std::string& message,
                                    const std::string& code) {
  return Sse(OpenAiErrorBody(status, message, "", code));
}

OpenAiChatWhole::OpenAiChatWhole(AnswerHead head, bool log_probs)
    : head_(std::move(head)), log_probs_(log_probs), choices_(static_cast<size_t>(head_.choices)) {}

void OpenAiChatWhole::Add(const AnswerEvent& event) {
  Choice& choice = choices_.at(static_cast<size_t>(event.choice));
  for (const AnswerToken& token : event.tokens) choice.tokens.push_back(TokenToJson(token));
  switch (event.kind) {
    case AnswerEvent::Kind::kText:
      choice.text += event.text;
      choice.has_text = true;
      break;
    case AnswerEvent::Kind::kReasoning:
      choice.reasoning += event.text;
      break;
    case AnswerEvent::Kind::kCallBegin:
      TAEL_CHECK(static_cast<size_t>(event.call) == choice.calls.size());
      choice.calls.push_back(CallToJson(event.id, event.name, ""));
      choice.arguments.push_back(event.text);
      break;
    case AnswerEvent::Kind::kCallArguments:
      choice.arguments.at(static_cast<size_t>(event.call)) += event.text;
      break;
    case AnswerEvent::Kind::kEnd:
      choice.end = event.end;
      break;
  }
}

Json OpenAiChatWhole::Finish(const AnswerUsage& usage) {
  JsonArray list;
  for (size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    Json message, entry;
    message.Set("role", "assistant");
    const bool only_calls = !choice.has_text && !choice.calls.empty();
    message.Set("content", only_calls ? Json() : Json(std::move(choice.text)));
    message.Set("refusal", Json());
    if (!choice.reasoning.empty()) message.Set("reasoning_content", std::move(choice.reasoning));
    for (size_t c = 0; c < choice.calls.size(); ++c) {
      Json& call = choice.calls[c];
      Json function = *call.Find("function");
      function.Set("arguments", std::move(choice.arguments[c]));
      call.Set("function", std::move(function));
    }
    if (!choice.calls.empty()) message.Set("tool_calls", std::move(choice.calls));
    entry.Set("index", static_cast<int>(i));
    entry.Set("message", std::move(message));
    entry.Set("logprobs", log_probs_ ? LogProbsToJson(std::move(choice.tokens)) : Json());
    entry.Set("finish_reason", Name(choice.end));
    list.push_back(std::move(entry));
  }
  Json body = HeadToJson(head_, "chat.completion");
  body.Set("choices", std::move(list));
  body.Set("usage", UsageToJson(usage));
  return body;
}

}  // namespace tael
