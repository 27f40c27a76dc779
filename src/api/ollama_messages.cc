#include "api/ollama_messages.h"

#include <fmt/format.h>

#include "api/conversation.h"
#include "api/object_reader.h"
#include "api/ollama_fields.h"

namespace tael {
namespace {

Json ParseCall(const Json& call, const std::string& path, int* made) {
  ObjectReader reader(call, path, kOllamaCallFields);
  std::string id = reader.String("id").value_or("");
  if (id.empty()) id = fmt::format("call_{}", (*made)++);
  ObjectReader inner(reader.RequiredObject("function"), reader.PathOf("function"),
                     kOllamaCalledFields);
  const std::string name = inner.RequiredString("name");
  const Json* arguments = inner.Object("arguments");
  inner.Finish();
  reader.Finish();
  return MakeCall(id, name, arguments == nullptr ? "{}" : DumpJson(*arguments));
}

void AddAssistant(ObjectReader& reader, const std::string& path, int* made,
                  Conversation* conversation) {
  AssistantTurn turn{.text = reader.String("content"),
                     .reasoning = reader.String("thinking").value_or("")};
  const JsonArray* calls = reader.Array("tool_calls");
  for (size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
    turn.calls.push_back(ParseCall((*calls)[i], reader.PathOf("tool_calls", i), made));
  }
  conversation->AddAssistant(std::move(turn), path);
}

void AddResult(ObjectReader& reader, Conversation* conversation) {
  const std::string name = reader.String("tool_name").value_or("");
  const auto given = reader.String("tool_call_id");
  std::string id = given.value_or("");
  if (id.empty()) id = conversation->NextCallOf(name);
  if (id.empty()) id = conversation->NextCall();
  conversation->AddResult(id, reader.RequiredString("content"),
                          reader.PathOf(given ? "tool_call_id" : "role"), name);
}

}  // namespace

JsonArray ParseOllamaMessages(const JsonArray& messages) {
  Conversation conversation;
  int made = 0;  // ids
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string path = fmt::format("messages[{}]", i);
    ObjectReader reader(messages[i], path, kOllamaMessageFields);
    const std::string role = reader.RequiredString("role");
    if (role == "assistant") {
      AddAssistant(reader, path, &made, &conversation);
    } else if (role == "tool") {
      AddResult(reader, &conversation);
    } else if (role == "system" || role == "user") {
      conversation.Add(role, reader.RequiredString("content"), path);
    } else {
      reader.Wrong("role", fmt::format("is '{}', needed system, user, assistant or tool",
                                       role.substr(0, 100)));
    }
    reader.Finish();
  }
  return conversation.Finish("messages");
}

}  // namespace tael
