#include "chat/tool_template.h"

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

constexpr const char* kTool = "probe_tool";
constexpr const char* kKey = "probe_key";
constexpr const char* kValue = "probe_value";

Json Object(std::initializer_list<JsonMember> members) { return Json(JsonObject(members)); }

Json Message(const char* role, const char* content) {
  return Object({{"role", role}, {"content", content}});
}

Json ProbeTool() {
  const Json property = Object({{"type", "string"}, {"description", "probe"}});
  const Json schema = Object({{"type", "object"},
                              {"properties", Object({{kKey, property}})},
                              {"required", JsonArray{Json(kKey)}}});
  return Object(
      {{"type", "function"},
       {"function", Object({{"name", kTool}, {"description", "probe"}, {"parameters", schema}})}});
}

// The prompt; nullopt when the template refuses it.
std::optional<std::string> Render(const ChatTemplate& chat, JsonArray messages, bool tools) {
  TemplateInput input;
  input.messages = std::move(messages);
  input.unix_time = 0;
  if (tools) input.tools = JsonArray{ProbeTool()};
  try {
    return chat.RenderText(input);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool Holds(const std::optional<std::string>& text, std::string_view part) {
  return text && text->find(part) != std::string::npos;
}

// The prompt behind a call with these arguments.
std::optional<std::string> RenderCall(const ChatTemplate& chat, Json arguments) {
  const Json call =
      Object({{"id", "call1aaaa"},  // 9 letters and digits, as Mistral's templates want them
              {"type", "function"},
              {"function", Object({{"name", kTool}, {"arguments", std::move(arguments)}})}});
  Json assistant = Message("assistant", "");
  assistant.Set("tool_calls", JsonArray{call});
  Json result = Message("tool", "probe result");
  result.Set("tool_call_id", "call1aaaa");
  result.Set("name", kTool);
  return Render(chat, {Message("user", "probe"), std::move(assistant), std::move(result)},
                /*tools=*/true);
}

}  // namespace

ToolTemplate FindToolTemplate(const ChatTemplate& chat) {
  ToolTemplate found;
  found.shows_tools = Holds(Render(chat, {Message("user", "probe")}, /*tools=*/true), kTool);
  if (!found.shows_tools) {  // some look for them in a system message only
    found.shows_tools =
        Holds(Render(chat, {Message("system", "probe"), Message("user", "probe")}, /*tools=*/true),
              kTool);
  }
  const auto object = RenderCall(chat, Object({{kKey, kValue}}));
  // Printed as Python would print it, the model would learn a form that it cannot write.
  const bool object_works = Holds(object, kValue) && !Holds(object, "{'probe_key'");
  const std::string text = std::string("{\"") + kKey + "\": \"" + kValue + "\"}";
  found.arguments_as_object = object_works || !Holds(RenderCall(chat, text), text);
  return found;
}

JsonArray MessagesForTemplate(JsonArray messages, const ToolTemplate& tools,
                              std::string_view reasoning_key) {
  for (Json& message : messages) {
    for (auto& [key, value] : message.as_object()) {
      if (key == "reasoning_content" && !reasoning_key.empty()) key = reasoning_key;
      if (key != "tool_calls" || !value.is_array() || !tools.arguments_as_object) continue;
      for (Json& call : value.as_array()) {
        const Json* function = call.Find("function");
        const Json* arguments = function == nullptr ? nullptr : function->Find("arguments");
        if (arguments == nullptr || !arguments->is_string()) continue;
        Json parsed = *function;
        parsed.Set("arguments", ParseJson(arguments->as_string(), "arguments of a tool call"));
        call.Set("function", std::move(parsed));
      }
    }
  }
  return messages;
}

}  // namespace tael
