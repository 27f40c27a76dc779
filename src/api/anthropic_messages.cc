#include "api/anthropic_messages.h"

#include <fmt/format.h>

#include <functional>
#include <vector>

#include "api/anthropic_fields.h"
#include "api/api_error.h"
#include "api/conversation.h"

namespace tael {
namespace {

struct Result {
  std::string id, text, path;
};

// Messages of one role that follow each other.
struct Turn {
  std::string role, path;
  std::vector<std::string> texts = {};
  std::vector<Result> results = {};
  std::string reasoning = {};
  JsonArray calls = {};
};

std::string Join(const std::vector<std::string>& texts, const char* between) {
  std::string joined;
  for (size_t i = 0; i < texts.size(); ++i) joined += (i > 0 ? between : "") + texts[i];
  return joined;
}

std::string TypeOf(const Json& block, const std::string& path) {
  const Json* type = block.Find("type");
  if (type != nullptr && type->is_string()) return type->as_string();
  throw ApiError(400, "invalid_value", path, fmt::format("{}: needed a block with a type", path));
}

[[noreturn]] void RefuseBlock(const std::string& type, const std::string& path) {
  throw ApiError(
      400, "unsupported_value", path,
      fmt::format("{}: a block of type '{}' cannot be read here", path, type.substr(0, 100)));
}

std::string TextOfBlock(const Json& block, const std::string& path) {
  if (const std::string type = TypeOf(block, path); type != "text") RefuseBlock(type, path);
  ObjectReader reader(block, path, kAnthropicTextFields);
  reader.Take("type");
  std::string text = reader.RequiredString("text");
  reader.Finish();
  return text;
}

// Of a field that holds a string or blocks of text.
std::vector<std::string> TextsOf(ObjectReader& reader, std::string_view key) {
  const Json* content = reader.Take(key);
  if (content == nullptr) return {};
  if (content->is_string()) return {content->as_string()};
  if (!content->is_array()) reader.Wrong(key, "needed a string or blocks");
  std::vector<std::string> texts;
  for (const Json& block : content->as_array()) {
    texts.push_back(TextOfBlock(block, reader.PathOf(key, texts.size())));
  }
  return texts;
}

void AddToolUse(const Json& block, const std::string& path, Turn* turn) {
  ObjectReader reader(block, path, kAnthropicToolUseFields);
  reader.Take("type");
  const std::string id = reader.RequiredString("id"), name = reader.RequiredString("name");
  turn->calls.push_back(MakeCall(id, name, DumpJson(reader.RequiredObject("input"))));
  reader.Finish();
}

void AddToolResult(const Json& block, const std::string& path, Turn* turn) {
  ObjectReader reader(block, path, kAnthropicToolResultFields);
  reader.Take("type");
  Result result{.id = reader.RequiredString("tool_use_id"),
                .text = Join(TextsOf(reader, "content"), "\n"),
                .path = reader.PathOf("tool_use_id")};
  if (reader.Bool("is_error").value_or(false)) result.text = "Error: " + result.text;
  reader.Finish();
  turn->results.push_back(std::move(result));
}

void AddThinking(const Json& block, const std::string& path, Turn* turn) {
  ObjectReader reader(block, path, kAnthropicThinkingFields);
  reader.Take("type");
  turn->reasoning += reader.RequiredString("thinking");
  reader.Finish();
}

void AddRedacted(const Json& block, const std::string& path, Turn* /*turn*/) {
  ObjectReader reader(block, path, kAnthropicRedactedFields);
  reader.Take("type");
  reader.Finish();
}

void AddBlock(const Json& block, const std::string& path, Turn* turn) {
  using Add = void (*)(const Json&, const std::string&, Turn*);
  struct Kind {
    const char *type, *role;
    Add add;
  };
  static constexpr Kind kKinds[] = {{"tool_use", "assistant", &AddToolUse},
                                    {"thinking", "assistant", &AddThinking},
                                    {"redacted_thinking", "assistant", &AddRedacted},
                                    {"tool_result", "user", &AddToolResult}};
  const std::string type = TypeOf(block, path);
  for (const Kind& kind : kKinds) {
    if (type != kind.type) continue;
    if (turn->role == kind.role) return kind.add(block, path, turn);
    throw ApiError(400, "invalid_value", path,
                   fmt::format("{}: a block of type {} in a message of role {}, needed {}", path,
                               type, turn->role, kind.role));
  }
  turn->texts.push_back(TextOfBlock(block, path));
}

void AddMessage(const Json& message, const std::string& path, std::vector<Turn>* turns) {
  ObjectReader reader(message, path, kAnthropicMessageFields);
  const std::string role = reader.RequiredString("role");
  if (role != "user" && role != "assistant" && role != "system") {
    reader.Wrong("role",
                 fmt::format("is '{}', needed user, assistant or system", role.substr(0, 100)));
  }
  if (turns->empty() || turns->back().role != role) turns->push_back({.role = role, .path = path});
  Turn& turn = turns->back();
  const Json& content = reader.Required("content", "a string or blocks");
  if (content.is_string()) {
    turn.texts.push_back(content.as_string());
  } else if (content.is_array()) {
    for (size_t i = 0; i < content.as_array().size(); ++i) {
      AddBlock(content.as_array()[i], reader.PathOf("content", i), &turn);
    }
  } else {
    reader.Wrong("content", "needed a string or blocks");
  }
  reader.Finish();
}

void AddTurn(Turn turn, Conversation* conversation) {
  if (turn.role == "assistant") {
    return conversation->AddAssistant({.text = Join(turn.texts, ""),
                                       .reasoning = std::move(turn.reasoning),
                                       .calls = std::move(turn.calls)},
                                      turn.path);
  }
  for (const Result& result : turn.results) {
    conversation->AddResult(result.id, result.text, result.path);
  }
  if (turn.texts.empty() && !turn.results.empty()) return;
  conversation->Add(turn.role, Join(turn.texts, "\n"), turn.path);
}

}  // namespace

JsonArray ParseAnthropicMessages(ObjectReader& reader) {
  std::vector<Turn> turns;
  const JsonArray& messages = reader.RequiredArray("messages");
  if (messages.empty()) reader.Wrong("messages", "needed one at least");
  Conversation conversation;
  const std::string system = Join(TextsOf(reader, "system"), "\n");
  if (!system.empty()) conversation.Add("system", system, "system");
  for (size_t i = 0; i < messages.size(); ++i) {
    AddMessage(messages[i], reader.PathOf("messages", i), &turns);
  }
  for (Turn& turn : turns) AddTurn(std::move(turn), &conversation);
  return conversation.Finish("messages");
}

}  // namespace tael
