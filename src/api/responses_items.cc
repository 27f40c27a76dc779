#include "api/responses_items.h"

#include <fmt/format.h>

#include <optional>

#include "api/api_error.h"
#include "api/call_fields.h"
#include "api/conversation.h"
#include "api/object_reader.h"
#include "api/responses_fields.h"

namespace tael {
namespace {

constexpr const char* kTextTypes[] = {"input_text", "output_text",    "text",
                                      "refusal",    "reasoning_text", "summary_text"};

std::string TextOfPart(const Json& part, const std::string& path) {
  const Json* type = part.Find("type");
  const std::string name = type != nullptr && type->is_string() ? type->as_string() : "";
  bool known = !part.is_object();  // what is none is refused below
  for (const char* text_type : kTextTypes) known = known || name == text_type;
  if (!known) {
    throw ApiError(400, "unsupported_value", path,
                   fmt::format("{}: a part of type '{}', and models here read text only", path,
                               name.substr(0, 100)));
  }
  ObjectReader reader(part, path, kResponsesPartFields);
  reader.Take("type");
  std::string text = reader.RequiredString(name == "refusal" ? "refusal" : "text");
  reader.Finish();
  return text;
}

// nullopt when the field is absent.
std::optional<std::string> TextOf(ObjectReader& item, std::string_view key, const char* between) {
  const Json* content = item.Take(key);
  if (content == nullptr) return std::nullopt;
  if (content->is_string()) return content->as_string();
  if (!content->is_array()) item.Wrong(key, "needed a string or parts of text");
  std::string text;
  for (size_t i = 0; i < content->as_array().size(); ++i) {
    if (i > 0) text += between;
    text += TextOfPart(content->as_array()[i], item.PathOf(key, i));
  }
  return text;
}

class Items {
 public:
  void Add(const Json& item, const std::string& path) {
    const Json* type = item.Find("type");
    const std::string name = type != nullptr && type->is_string() ? type->as_string() : "message";
    if (name == "message") {
      AddMessage(item, path);
    } else if (name == "function_call") {
      AddCall(item, path);
    } else if (name == "function_call_output") {
      AddOutput(item, path);
    } else if (name == "reasoning") {
      AddReasoning(item, path);
    } else {
      throw ApiError(400, "unsupported_value", path,
                     fmt::format("{}: an item of type '{}', needed message, function_call, "
                                 "function_call_output or reasoning",
                                 path, name.substr(0, 100)));
    }
  }

  void AddSystem(const std::string& text) { conversation_.Add("system", text, "instructions"); }

  JsonArray Finish() {
    Flush();
    return conversation_.Finish("input");
  }

 private:
  AssistantTurn& Turn(const std::string& path) {
    if (!turn_) {
      turn_.emplace();
      path_ = path;
    }
    return *turn_;
  }

  void Flush() {
    if (turn_) conversation_.AddAssistant(*std::move(turn_), path_);
    turn_.reset();
  }

  void AddMessage(const Json& item, const std::string& path) {
    ObjectReader reader(item, path, kResponsesMessageFields);
    reader.Take("type");
    reader.Take("id");
    std::string role = reader.RequiredString("role");
    if (role == "developer") role = "system";
    if (role != "user" && role != "assistant" && role != "system") {
      reader.Wrong("role", fmt::format("is '{}', needed user, assistant, system or developer",
                                       role.substr(0, 100)));
    }
    reader.Required("content", "a string or parts of text");
    const std::string text = *TextOf(reader, "content", role == "assistant" ? "" : "\n");
    reader.Finish();
    if (role == "assistant") {
      AssistantTurn& turn = Turn(path);
      turn.text = turn.text.value_or("") + text;
      return;
    }
    Flush();
    conversation_.Add(role, text, path);
  }

  void AddCall(const Json& item, const std::string& path) {
    ObjectReader reader(item, path, kResponsesCallFields);
    reader.Take("type");
    reader.Take("id");
    const std::string id = reader.RequiredString("call_id"), name = reader.RequiredString("name");
    Turn(path).calls.push_back(MakeCall(id, name, ParseCallArguments(reader, "arguments")));
    reader.Finish();
  }

  void AddOutput(const Json& item, const std::string& path) {
    Flush();
    ObjectReader reader(item, path, kResponsesCallOutputFields);
    reader.Take("type");
    reader.Take("id");
    const std::string id = reader.RequiredString("call_id");
    reader.Required("output", "a string or parts of text");
    conversation_.AddResult(id, *TextOf(reader, "output", "\n"), reader.PathOf("call_id"));
    reader.Finish();
  }

  void AddReasoning(const Json& item, const std::string& path) {
    ObjectReader reader(item, path, kResponsesReasoningItemFields);
    reader.Take("type");
    reader.Take("id");
    const std::string content = TextOf(reader, "content", "").value_or("");
    const std::string summary = TextOf(reader, "summary", "\n").value_or("");
    Turn(path).reasoning += content.empty() ? summary : content;
    reader.Finish();
  }

  Conversation conversation_;
  std::optional<AssistantTurn> turn_;  // that is not complete yet
  std::string path_;                   // of its first item
};

}  // namespace

JsonArray ResponseInputItems(const Json& input) {
  if (input.is_string()) {
    Json message;
    message.Set("type", "message");
    message.Set("role", "user");
    message.Set("content", input);
    return {std::move(message)};
  }
  if (!input.is_array() || input.as_array().empty()) {
    throw ApiError(400, "invalid_value", "input", "input: needed a string or items");
  }
  for (size_t i = 0; i < input.as_array().size(); ++i) {
    if (input.as_array()[i].is_object()) continue;
    const std::string path = fmt::format("input[{}]", i);
    throw ApiError(400, "invalid_type", path, fmt::format("{}: needed an object", path));
  }
  return input.as_array();
}

JsonArray MessagesOfItems(const std::string& instructions, const JsonArray& items, size_t earlier) {
  Items messages;
  if (!instructions.empty()) messages.AddSystem(instructions);
  for (size_t i = 0; i < items.size(); ++i) {
    messages.Add(items[i], i < earlier ? fmt::format("previous_response_id: item {}", i)
                                       : fmt::format("input[{}]", i - earlier));
  }
  return messages.Finish();
}

}  // namespace tael
