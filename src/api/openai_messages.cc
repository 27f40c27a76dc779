#include "api/openai_messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/api_error.h"
#include "api/object_reader.h"
#include "base/error.h"

namespace tael {
namespace {

std::string TextOfPart(const Json& part, const std::string& path) {
  ObjectReader reader(part, path);
  const std::string type = reader.RequiredString("type");
  if (type != "text" && type != "refusal") {
    throw ApiError(400, "unsupported_value", path,
                   fmt::format("{}: a part of type '{}', and models here read text only", path,
                               type.substr(0, 100)));
  }
  reader.Ignore({"prompt_cache_breakpoint", "annotations"});
  std::string text = reader.RequiredString(type);
  reader.Finish();
  return text;
}

// nullopt when there is none.
std::optional<std::string> TextOf(ObjectReader& message) {
  const Json* content = message.Take("content");
  if (content == nullptr) return std::nullopt;
  if (content->is_string()) return content->as_string();
  if (!content->is_array()) message.Wrong("content", "needed a string or parts of text");
  std::string text;
  for (size_t i = 0; i < content->as_array().size(); ++i) {
    const std::string path = fmt::format("{}[{}]", message.PathOf("content"), i);
    if (i > 0) text += '\n';
    text += TextOfPart(content->as_array()[i], path);
  }
  return text;
}

Json ParseCall(const Json& call, const std::string& path) {
  ObjectReader reader(call, path);
  const std::string type = reader.String("type").value_or("function");
  if (type != "function") reader.Wrong("type", "needed function");
  Json parsed;
  parsed.Set("id", reader.RequiredString("id"));
  parsed.Set("type", type);
  const Json* function = reader.Object("function");
  reader.Ignore({"index"});
  reader.Finish();
  if (function == nullptr) reader.Wrong("function", "is missing");
  ObjectReader inner(*function, reader.PathOf("function"));
  std::string arguments = inner.String("arguments").value_or("");
  if (arguments.empty()) arguments = "{}";  // a call without arguments
  try {
    if (!ParseJson(arguments, "arguments").is_object()) {
      inner.Wrong("arguments", "needed the text of a JSON object");
    }
  } catch (const Error& error) {
    inner.Wrong("arguments", fmt::format("needed the text of a JSON object: {}", error.what()));
  }
  Json target;
  target.Set("name", inner.RequiredString("name"));
  target.Set("arguments", arguments);
  inner.Finish();
  parsed.Set("function", target);
  return parsed;
}

class Messages {
 public:
  void Add(const Json& message, const std::string& path) {
    ObjectReader reader(message, path);
    std::string role = reader.RequiredString("role");
    if (role == "developer") role = "system";
    if (role != "tool") RequireResults(path);
    Json parsed;
    parsed.Set("role", role);
    const auto text = TextOf(reader);
    if (role == "assistant") {
      Assistant(reader, text, &parsed);
    } else if (role == "tool") {
      Tool(reader, &parsed);
    } else if (role != "system" && role != "user") {
      reader.Wrong("role", fmt::format("is '{}', needed system, developer, user, assistant or tool",
                                       role.substr(0, 100)));
    }
    if (role != "assistant" && !text) reader.Wrong("content", "is missing");
    parsed.Set("content", text.value_or(""));
    if (auto name = reader.String("name")) parsed.Set("name", *std::move(name));
    reader.Finish();
    out_.push_back(std::move(parsed));
  }

  JsonArray Finish() {
    RequireResults("messages");
    return std::move(out_);
  }

 private:
  void Assistant(ObjectReader& reader, const std::optional<std::string>& text, Json* parsed) {
    reader.Refuse("audio", "models here write text only");
    reader.Refuse("function_call", "the older form of tool_calls is not read");
    reader.Ignore({"refusal", "annotations"});
    for (const char* key : {"reasoning_content", "reasoning"}) {
      if (auto reasoning = reader.String(key)) parsed->Set("reasoning_content", *reasoning);
    }
    const JsonArray* calls = reader.Array("tool_calls");
    if ((calls == nullptr || calls->empty()) && !text) reader.Wrong("content", "is missing");
    if (calls == nullptr || calls->empty()) return;
    JsonArray list;
    for (size_t i = 0; i < calls->size(); ++i) {
      list.push_back(ParseCall((*calls)[i], fmt::format("{}[{}]", reader.PathOf("tool_calls"), i)));
      open_.push_back(list.back().Find("id")->as_string());
    }
    parsed->Set("tool_calls", std::move(list));
  }

  void Tool(ObjectReader& reader, Json* parsed) {
    const std::string id = reader.RequiredString("tool_call_id");
    const auto call = std::find(open_.begin(), open_.end(), id);
    if (call == open_.end()) {
      reader.Wrong("tool_call_id", fmt::format("'{}' is no call of the assistant's turn before it",
                                               id.substr(0, 100)));
    }
    open_.erase(call);
    parsed->Set("tool_call_id", id);
  }

  void RequireResults(const std::string& path) const {
    if (open_.empty()) return;
    throw ApiError(400, "invalid_value", path,
                   fmt::format("{}: the call '{}' before it has no message of role tool", path,
                               open_[0].substr(0, 100)));
  }

  JsonArray out_;
  std::vector<std::string> open_;  // calls without results
};

}  // namespace

JsonArray ParseOpenAiMessages(const JsonArray& messages) {
  if (messages.empty()) {
    throw ApiError(400, "invalid_value", "messages", "messages: needed one at least");
  }
  Messages parsed;
  for (size_t i = 0; i < messages.size(); ++i) {
    parsed.Add(messages[i], fmt::format("messages[{}]", i));
  }
  return parsed.Finish();
}

}  // namespace tael
