#include "api/ollama_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "api/ollama_fields.h"
#include "api/sampling_fields.h"
#include "api/thinking_fields.h"

namespace tael {
namespace {

constexpr double kMost = 100;  // of numbers without a range in the API

// The number that `text` begins with, which is cut off; without a sign.
std::optional<double> TakeNumber(std::string_view* text) {
  if (text->empty() || ((text->front() < '0' || text->front() > '9') && text->front() != '.')) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), value, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return value;
}

std::optional<double> TakeUnit(std::string_view* text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  for (const auto& [name, seconds] : kUnits) {
    if (!text->starts_with(name)) continue;
    text->remove_prefix(name.size());
    return seconds;
  }
  return std::nullopt;
}

std::optional<double> ParseDuration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  double seconds = 0;
  do {
    const auto number = TakeNumber(&text);
    if (!number) return std::nullopt;
    if (text.empty() && seconds == 0) {
      seconds = *number;
      break;
    }
    const auto unit = TakeUnit(&text);
    if (!unit) return std::nullopt;
    seconds += *number * *unit;
  } while (!text.empty());
  return negative ? -seconds : seconds;
}

}  // namespace

std::optional<double> ParseKeepAlive(ObjectReader& reader) {
  const Json* value = reader.Take("keep_alive");
  if (value == nullptr) return std::nullopt;
  std::optional<double> seconds;
  if (value->is_number()) seconds = value->as_double();
  if (value->is_string()) seconds = ParseDuration(value->as_string());
  if (!seconds || !std::isfinite(*seconds)) {
    reader.Wrong("keep_alive", "needed seconds or a duration such as 5m or 1h30m");
  }
  return seconds;
}

void ParseOllamaOptions(ObjectReader& reader, SamplingRequest* request) {
  request->keep_alive_seconds = ParseKeepAlive(reader);
  const Json* options = reader.Object("options");
  if (options == nullptr) return;
  constexpr int64_t kMostInt = std::numeric_limits<int32_t>::max();
  ObjectReader inner(*options, reader.PathOf("options"), kOllamaOptionFields);
  request->context_tokens = inner.Int("num_ctx", 1, kAnyInt);
  if (const auto tokens = inner.Int("num_predict", std::numeric_limits<int32_t>::min(), kAnyInt)) {
    request->max_tokens = *tokens > 0 ? *tokens : kAnyInt;
  }
  request->temperature = inner.Number("temperature", 0, kMost);
  request->top_k = inner.Int("top_k", -1, kMostInt);
  request->top_p = inner.Number("top_p", 0, 1);
  request->min_p = inner.Number("min_p", 0, 1);
  request->typical_p = inner.Number("typical_p", 0, 1);
  request->repeat_last_n = inner.Int("repeat_last_n", -1, kMostInt);
  request->repetition_penalty = inner.Number("repeat_penalty", 0.01, kMost);
  request->presence_penalty = inner.Number("presence_penalty", -kMost, kMost);
  request->frequency_penalty = inner.Number("frequency_penalty", -kMost, kMost);
  request->mirostat = inner.Int("mirostat", 0, 2);
  request->mirostat_tau = inner.Number("mirostat_tau", 0, kMost);
  request->mirostat_eta = inner.Number("mirostat_eta", 0, 10);
  const auto seed = inner.Int("seed", std::numeric_limits<int64_t>::min(), kAnyInt);
  if (seed && *seed >= 0) request->seed = seed;
  request->stop = ParseStopTexts(inner, "stop");
  inner.Finish();
}

void ParseOllamaThink(ObjectReader& reader, ChatRequest* request) {
  const Json* think = reader.Take("think");
  if (think == nullptr) return;
  if (think->is_bool()) {
    request->thinking = think->as_bool();
  } else if (think->is_string()) {
    ParseEffort(reader, "think", request);
  } else {
    reader.Wrong("think", "needed true, false, low, medium or high");
  }
}

std::string ParseOllamaModel(ObjectReader& reader) {
  const auto older = reader.String("name");
  if (auto model = reader.String("model")) return *std::move(model);
  return older ? *older : reader.RequiredString("model");
}

}  // namespace tael
