#include "app/conversation.h"

#include <algorithm>
#include <utility>

#include "app/text_input.h"
#include "base/error.h"
#include "base/file.h"

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
    : loaded_(loaded), format_(loaded), session_(*loaded.model, options), limits_(limits) {
  SetThinking(limits.thinking);
}

void Conversation::SetSystem(const std::string& text) {
  system_ = text;
  Reset();
}

void Conversation::Reset() {
  messages_ = JsonArray{};
  last_.reset();
}

void Conversation::SetThinking(const ThinkingWish& wish) {
  TemplateInput tried;
  ApplyThinking(format_.thinking(), wish, &tried);
  limits_.thinking = wish;
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
  const Json before = messages_;
  const uint64_t seed = limits_.sampling.seed;
  if (HasRole(list.back(), "assistant")) list.pop_back();
  ++limits_.sampling.seed;
  try {
    return Answer(callbacks);
  } catch (...) {  // the answer that was there is better than none
    messages_ = before;
    limits_.sampling.seed = seed;
    throw;
  }
}

GenerationResult Conversation::Answer(const Callbacks& callbacks) {
  ChatWish wish;
  if (!system_.empty()) wish.messages.push_back(ChatMessage("system", system_));
  for (const Json& message : messages_.as_array()) wish.messages.push_back(message);
  wish.thinking = limits_.thinking;
  ChatFormat::Prompt prompt = format_.MakePrompt(std::move(wish));
  GenerationRequest request;
  request.prompt = std::move(prompt.ids);
  request.interjection = std::move(prompt.interjection);
  request.sampling = limits_.sampling;
  request.token_texts = limits_.token_texts;
  request.max_tokens = limits_.max_tokens;
  request.stop_tokens = loaded_.stop_tokens;
  prompt.style.stop_strings = limits_.stop_strings;
  AnswerText text(loaded_, prompt.style);
  request.on_token = [&](TokenId id) {
    const Verdict verdict = text.Push(id, callbacks.on_text);
    if (verdict == Verdict::kStop) return verdict;
    return callbacks.cancelled() ? Verdict::kCancel : verdict;
  };
  request.on_prompt = [&](int done, int total) {
    if (callbacks.on_prompt) callbacks.on_prompt(done, total);
    return !callbacks.cancelled();
  };
  const GenerationResult result = Generate(session_, request);
  text.Finish(callbacks.on_text);
  Json message = ChatMessage("assistant", text.answer());
  if (!text.reasoning().empty()) {
    message.Set(format_.thinking().tags->history_key, text.reasoning());
  }
  messages_.Append(std::move(message));
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
