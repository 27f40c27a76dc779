#include "api/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/api_error.h"

namespace tael {

Json MakeCall(const std::string& id, const std::string& name, const std::string& arguments) {
  Json function, call;
  function.Set("name", name);
  function.Set("arguments", arguments);
  call.Set("id", id);
  call.Set("type", "function");
  call.Set("function", std::move(function));
  return call;
}

void Conversation::Add(const std::string& role, const std::string& text, const std::string& path) {
  RequireResults(path);
  Json message;
  message.Set("role", role);
  message.Set("content", text);
  messages_.push_back(std::move(message));
}

void Conversation::AddAssistant(AssistantTurn turn, const std::string& path) {
  RequireResults(path);
  Json message;
  message.Set("role", "assistant");
  if (!turn.reasoning.empty()) message.Set("reasoning_content", std::move(turn.reasoning));
  for (const Json& call : turn.calls) {
    open_.push_back(
        {call.Find("id")->as_string(), call.Find("function")->Find("name")->as_string()});
  }
  if (!turn.calls.empty()) message.Set("tool_calls", std::move(turn.calls));
  message.Set("content", turn.text.value_or(""));
  messages_.push_back(std::move(message));
}

void Conversation::AddResult(const std::string& id, const std::string& text,
                             const std::string& path, const std::string& name) {
  const auto call =
      std::find_if(open_.begin(), open_.end(), [&](const Call& each) { return each.id == id; });
  if (call == open_.end()) {
    throw ApiError(400, "invalid_value", path,
                   fmt::format("{}: '{}' is no call of the assistant's turn before it, or it has "
                               "its result already",
                               path, id.substr(0, 100)));
  }
  Json message;
  message.Set("role", "tool");
  message.Set("tool_call_id", id);
  message.Set("name", name.empty() ? call->name : name);
  message.Set("content", text);
  messages_.push_back(std::move(message));
  open_.erase(call);
}

std::string Conversation::NextCallOf(const std::string& name) const {
  for (const Call& call : open_) {
    if (call.name == name) return call.id;
  }
  return "";
}

void Conversation::RequireResults(const std::string& path) const {
  if (open_.empty()) return;
  throw ApiError(
      400, "invalid_value", path,
      fmt::format("{}: the call '{}' before it has no result", path, open_[0].id.substr(0, 100)));
}

JsonArray Conversation::Finish(const std::string& path) {
  if (messages_.empty()) {
    throw ApiError(400, "invalid_value", path, fmt::format("{}: needed one at least", path));
  }
  RequireResults(path);
  return std::move(messages_);
}

}  // namespace tael
