#include "api/sampling_fields.h"

#include <fmt/format.h>

#include <charconv>

#include "api/openai_fields.h"

namespace tael {
namespace {

constexpr size_t kMaxStops = 16, kMaxBiases = 1024;

}  // namespace

std::vector<std::string> ParseStopTexts(ObjectReader& reader, std::string_view key) {
  const Json* stop = reader.Take(key);
  if (stop == nullptr) return {};
  std::vector<std::string> texts;
  const auto add = [&](const Json& text) {
    if (!text.is_string() || text.as_string().empty()) {
      reader.Wrong(key, "needed texts that are not empty");
    }
    texts.push_back(text.as_string());
  };
  if (!stop->is_array()) {
    add(*stop);
  } else {
    for (const Json& text : stop->as_array()) add(text);
  }
  if (texts.size() > kMaxStops) {
    reader.Wrong(key, fmt::format("{} texts, at most {} are taken", texts.size(), kMaxStops));
  }
  return texts;
}

std::vector<std::pair<int32_t, double>> ParseLogitBias(ObjectReader& reader) {
  std::vector<std::pair<int32_t, double>> biases;
  const Json* object = reader.Object("logit_bias");
  if (object == nullptr) return biases;
  if (object->as_object().size() > kMaxBiases) {
    reader.Wrong("logit_bias", fmt::format("more than {} tokens", kMaxBiases));
  }
  for (const auto& [key, value] : object->as_object()) {
    int32_t id = -1;
    const char* end = key.data() + key.size();
    const auto [stop, error] = std::from_chars(key.data(), end, id);
    const bool fits = value.is_number() && value.as_double() >= -100 && value.as_double() <= 100;
    if (error != std::errc() || stop != end || id < 0 || !fits) {
      reader.Wrong("logit_bias", "needed token ids with numbers from -100 to 100");
    }
    biases.emplace_back(id, value.as_double());
  }
  return biases;
}

void ParseOpenAiSampling(ObjectReader& reader, SamplingRequest* request) {
  request->temperature = reader.Number("temperature", 0, 2);
  request->top_p = reader.Number("top_p", 0, 1);
  request->min_p = reader.Number("min_p", 0, 1);
  request->top_k = reader.Int("top_k", -1, std::numeric_limits<int32_t>::max());
  request->frequency_penalty = reader.Number("frequency_penalty", -2, 2);
  request->presence_penalty = reader.Number("presence_penalty", -2, 2);
  request->repetition_penalty = reader.Number("repetition_penalty", 0.01, 100);
  request->seed = reader.Int("seed", std::numeric_limits<int64_t>::min(), kAnyInt);
  request->logit_bias = ParseLogitBias(reader);
  request->choices = static_cast<int>(reader.Int("n", 1, kMaxChoices).value_or(1));
  request->stop = ParseStopTexts(reader, "stop");
  request->min_tokens = reader.Int("min_tokens", 0, kAnyInt);
  request->ignores_end = reader.Bool("ignore_eos").value_or(false);
}

void ParseOpenAiStream(ObjectReader& reader, SamplingRequest* request) {
  request->stream = reader.Bool("stream").value_or(false);
  const Json* options = reader.Object("stream_options");
  if (options == nullptr) return;
  if (!request->stream) reader.Wrong("stream_options", "is for streams only");
  ObjectReader inner(*options, "stream_options", kOpenAiStreamOptionFields);
  request->stream_usage = inner.Bool("include_usage").value_or(false);
  inner.Finish();
}

void ParseLogProbs(ObjectReader& reader, SamplingRequest* request) {
  const auto top = reader.Int("top_logprobs", 0, kMaxTopLogProbs);
  const bool wanted = reader.Bool("logprobs").value_or(false);
  if (top && *top > 0 && !wanted) reader.Wrong("top_logprobs", "needs logprobs: true");
  if (wanted) request->log_probs = static_cast<int>(top.value_or(0));
}

}  // namespace tael
