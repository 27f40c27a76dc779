#include "api/thinking_fields.h"

#include <fmt/format.h>

#include <string>

#include "api/anthropic_fields.h"
#include "api/sampling_fields.h"

namespace tael {

void ParseEffort(ObjectReader& reader, std::string_view key, ChatRequest* request) {
  const auto word = reader.String(key);
  if (!word) return;
  static constexpr std::pair<const char*, const char*> kLevels[] = {
      {"minimal", "low"}, {"low", "low"},    {"medium", "medium"},
      {"high", "high"},   {"xhigh", "high"}, {"max", "high"}};
  if (*word == "none") {
    request->thinking = false;
    return;
  }
  for (const auto& [name, level] : kLevels) {
    if (*word == name) request->reasoning_effort = level;
  }
  if (!request->reasoning_effort) {
    reader.Wrong(key, fmt::format("is '{}', needed none, minimal, low, medium, high, xhigh or max",
                                  word->substr(0, 100)));
  }
}

void ParseThinking(ObjectReader& reader, ChatRequest* request) {
  const Json* thinking = reader.Object("thinking");
  if (thinking == nullptr) return;
  ObjectReader inner(*thinking, "thinking", kThinkingFields);
  const std::string type = inner.RequiredString("type");
  const auto budget = inner.Int("budget_tokens", 0, kAnyInt);
  if (type == "enabled") {
    request->thinking = true;
    request->thinking_budget = budget;
  } else if (type == "disabled") {
    request->thinking = false;
  } else if (type != "adaptive") {  // which is what models do by themselves
    inner.Wrong("type",
                fmt::format("is '{}', needed enabled, disabled or adaptive", type.substr(0, 100)));
  }
  inner.Finish();
}

}  // namespace tael
