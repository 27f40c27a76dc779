#include "dialect/thinking.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "dialect/reasoning_start.h"

namespace tael {
namespace {

constexpr const char* kSwitches[] = {"enable_thinking", "thinking"};
constexpr const char* kEffort = "reasoning_effort";
constexpr const char* kLevels[] = {"low", "medium", "high"};
constexpr const char* kUnknownLevel = "?";
constexpr int kMaxBudget = 1 << 24;

TemplateInput ShortConversation() {
  TemplateInput input;
  Json message = JsonObject{};
  message.Set("role", "user");
  message.Set("content", "Hello");
  input.messages.Append(std::move(message));
  input.unix_time = 0;
  return input;
}

bool ClosesReasoning(const ChatTemplate& chat, const ReasoningTags* tags) {
  if (tags == nullptr) return false;
  try {
    const ReasoningStart start = FindReasoningStart(tags, chat.Render(ShortConversation()));
    return start == ReasoningStart::kClosed || start == ReasoningStart::kAnswer;
  } catch (const Error&) {
    return false;
  }
}

// The prompt of a short conversation; nullopt when the template refuses it.
std::optional<std::string> Probe(const ChatTemplate& chat, const char* variable, Json value) {
  TemplateInput input = ShortConversation();
  input.extra.emplace_back(variable, std::move(value));
  try {
    return chat.RenderText(input);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool MakesADifference(const ChatTemplate& chat, const char* variable, Json one, Json other) {
  const auto first = Probe(chat, variable, std::move(one));
  const auto second = Probe(chat, variable, std::move(other));
  return first && second && *first != *second;
}

std::string Offers(const ThinkingStyle& style) {
  if (style.tags == nullptr) return "it does not reason aloud";
  if (style.always_closed) return "its template always closes the reasoning, as --think off does";
  std::string text = "it takes --think N (tokens)";
  if (!style.variable.empty() || *style.tags->off_words != '\0') text += ", on, off";
  for (const std::string& level : style.levels) text += ", " + level;
  return text;
}

void AppendToLastUserMessage(const char* words, Json* messages) {
  JsonArray& list = messages->as_array();
  for (auto message = list.rbegin(); message != list.rend(); ++message) {
    const Json* role = message->Find("role");
    const Json* content = message->Find("content");
    if (role == nullptr || !role->is_string() || role->as_string() != "user") continue;
    if (content != nullptr && content->is_string()) {
      message->Set("content", content->as_string() + words);
    }
    return;
  }
}

}  // namespace

ThinkingWish ParseThinkingWish(const std::string& text) {
  ThinkingWish wish;
  if (text == "on" || text == "off") {
    wish.on = text == "on";
  } else if (text == "low" || text == "medium" || text == "high") {
    wish.effort = text;
  } else {
    int budget = -1;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), budget);
    if (end.ec != std::errc() || end.ptr != text.data() + text.size() || budget < 0 ||
        budget > kMaxBudget) {
      Fail(ErrorCode::kInvalidArgument,
           "think is '{}', needed on, off, low, medium, high or a number of tokens from 0 to {}",
           text, kMaxBudget);
    }
    wish.budget = budget;
  }
  return wish;
}

ThinkingStyle FindThinkingStyle(const ChatTemplate& chat, std::string_view template_source) {
  ThinkingStyle style;
  style.tags = FindReasoningTags(template_source);
  for (const char* variable : kSwitches) {
    if (!MakesADifference(chat, variable, true, false)) continue;
    style.variable = variable;
    break;
  }
  // A template may refuse the unknown word: then it knows those that it takes.
  const auto unknown = Probe(chat, kEffort, kUnknownLevel);
  for (const char* level : kLevels) {
    const auto prompt = Probe(chat, kEffort, level);
    if (prompt && prompt != unknown) style.levels.push_back(level);
  }
  style.always_closed = style.variable.empty() && ClosesReasoning(chat, style.tags);
  return style;
}

void CheckThinkingCounts(const ThinkingStyle& style, const ChatTemplate& chat,
                         const TemplateInput& input) {
  TemplateInput asked = input;
  asked.unix_time = 0;  // a clock that goes on is no difference
  for (size_t i = 0; i < asked.extra.size(); ++i) {
    const auto& [name, value] = asked.extra[i];
    TemplateInput other = asked;
    if (name == style.variable && value.is_bool()) {
      other.extra[i].second = !value.as_bool();
    } else if (name == kEffort) {
      other.extra[i].second = kUnknownLevel;
    } else {
      continue;
    }
    const std::string wanted = chat.RenderText(asked);
    try {
      if (chat.RenderText(other) != wanted) continue;
    } catch (const Error&) {  // it refuses the other value, so it looks at it
      continue;
    }
    Fail(ErrorCode::kUnsupported,
         "{} = {}: with these messages the template ignores it. Hint: a system message may be the "
         "reason; leave it away, or --think",
         name, DumpJson(value));
  }
}

void ApplyThinking(const ThinkingStyle& style, const ThinkingWish& wish, TemplateInput* input) {
  const auto refuse = [&](std::string_view wanted) {
    Fail(ErrorCode::kUnsupported, "this model cannot think '{}': {}", wanted, Offers(style));
  };
  if (wish.effort) {
    if (std::find(style.levels.begin(), style.levels.end(), *wish.effort) == style.levels.end()) {
      refuse(*wish.effort);
    }
    input->extra.emplace_back(kEffort, *wish.effort);
  }
  if (wish.budget && style.tags == nullptr) refuse(std::to_string(*wish.budget));
  // A budget is one for a model that thinks; where it can be switched on, it is.
  const std::optional<bool> on = wish.budget ? std::optional(true) : wish.on;
  if (!on) return;
  if (style.always_closed) {  // off already; a budget of 0 asks for no more
    if (*on && wish.budget != 0) refuse(wish.budget ? std::to_string(*wish.budget) : "on");
  } else if (!style.variable.empty()) {
    input->extra.emplace_back(style.variable, *on);
  } else if (!*on && style.tags != nullptr && *style.tags->off_words != '\0') {
    AppendToLastUserMessage(style.tags->off_words, &input->messages);
  } else if (!*on || style.tags == nullptr) {
    refuse(*on ? "on" : "off");
  }
}

}  // namespace tael
