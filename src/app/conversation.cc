#include "app/conversation.h"

#include <algorithm>

#include "app/text_input.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/stop_strings.h"

namespace tael {
namespace {

bool IsMessage(const Json& message) {
  const Json* role = message.Find("role");
  const Json* content = message.Find("content");
  return role != nullptr && role->is_string() && content != nullptr && content->is_string();
}

bool HasRole(const Json& message, const char* role) {
  return message.Find("role")->as_string() == role;
}

}  // namespace

Conversation::Conversation(const LoadedModel& loaded, const SessionOptions& options,
                           const Limits& limits)
    : loaded_(loaded),
      template_(LoadChatTemplate(loaded)),
      session_(*loaded.model, options),
      limits_(limits) {}

void Conversation::SetSystem(const std::string& text) {
  system_ = text;
  Reset();
}

void Conversation::Reset() {
  messages_ = JsonArray{};
  last_.reset();
}

int Conversation::turns() const {
  const JsonArray& list = messages_.as_array();
  return static_cast<int>(
      std::count_if(list.begin(), list.end(), [](const Json& m) { return HasRole(m, "user"); }));
}

GenerationResult Conversation::Ask(const std::string& text, const Callbacks& callbacks) {
  messages_.Append(ChatMessage("user", text));
  try {
    return Answer(callbacks);
  } catch (...) {  // whatever it was, the turn must not stay half done
    messages_.as_array().pop_back();
    throw;
  }
}

GenerationResult Conversation::Regenerate(const Callbacks& callbacks) {
  JsonArray& list = messages_.as_array();
  if (list.empty()) Fail(ErrorCode::kInvalidArgument, "there is no question to answer again");
  if (HasRole(list.back(), "assistant")) list.pop_back();
  ++limits_.sampling.seed;
  return Answer(callbacks);
}

GenerationResult Conversation::Answer(const Callbacks& callbacks) {
  Json all = JsonArray{};
  if (!system_.empty()) all.Append(ChatMessage("system", system_));
  for (const Json& message : messages_.as_array()) all.Append(message);
  GenerationRequest request;
  request.prompt = loaded_.tokenizer->EncodeSpans(
      template_.Render(MakeTemplateInput(loaded_, std::move(all))), /*add_special_tokens=*/false);
  request.sampling = limits_.sampling;
  request.token_texts = limits_.token_texts;
  request.max_tokens = limits_.max_tokens;
  request.stop_tokens = loaded_.stop_tokens;
  Detokenizer detokenizer(*loaded_.tokenizer, /*skip_special=*/true);
  StopStrings stops(limits_.stop_strings);
  std::string text;
  const auto emit = [&](const std::string& piece) {
    text += piece;
    if (!piece.empty()) callbacks.on_text(piece);
  };
  request.on_token = [&](TokenId id) {
    const auto& ends = loaded_.stop_tokens;
    if (!std::binary_search(ends.begin(), ends.end(), id)) emit(stops.Push(detokenizer.Push(id)));
    if (stops.found()) return Verdict::kStop;
    return callbacks.cancelled() ? Verdict::kCancel : Verdict::kGoOn;
  };
  request.on_prompt = [&](int done, int total) {
    if (callbacks.on_prompt) callbacks.on_prompt(done, total);
    return !callbacks.cancelled();
  };
  const GenerationResult result = Generate(session_, request);
  emit(stops.Push(detokenizer.Finish()));
  emit(stops.Finish());
  messages_.Append(ChatMessage("assistant", text));
  last_ = result;
  return result;
}

void Conversation::Save(const std::string& path) const {
  Json all = JsonArray{};
  if (!system_.empty()) all.Append(ChatMessage("system", system_));
  for (const Json& message : messages_.as_array()) all.Append(message);
  Json out = JsonObject{};
  out.Set("messages", std::move(all));
  WriteFileAtomically(path, DumpJsonPretty(out) + "\n");
}

void Conversation::Load(const std::string& path) {
  const Json json = ReadJsonFile(path);
  const Json* list = json.Find("messages");
  if (list == nullptr || !list->is_array() ||
      !std::all_of(list->as_array().begin(), list->as_array().end(), &IsMessage)) {
    Fail(ErrorCode::kCorrupt, "{}: needed {{\"messages\": [{{\"role\", \"content\"}}, ...]}}",
         path);
  }
  std::string system;
  Json messages = JsonArray{};
  for (const Json& message : list->as_array()) {
    if (HasRole(message, "system") && messages.as_array().empty()) {
      system = message.Find("content")->as_string();
    } else {
      messages.Append(message);
    }
  }
  system_ = system;
  messages_ = std::move(messages);
  last_.reset();
}

}  // namespace tael
