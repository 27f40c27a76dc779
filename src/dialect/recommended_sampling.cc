#include "dialect/recommended_sampling.h"

#include <cmath>

#include "base/error.h"
#include "checkpoint/gguf.h"

namespace tael {
namespace {

// From the model cards of the makers.
struct Card {
  const char* family;
  double temperature, top_p;
  int top_k;  // 0 = none named
  double repeat_penalty;
};
constexpr Card kCards[] = {
    {"qwen3", 0.6, 0.95, 20, 1},           {"qwen3-moe", 0.6, 0.95, 20, 1},
    {"hunyuan-dense", 0.7, 0.8, 20, 1.05}, {"hunyuan-moe", 0.7, 0.8, 20, 1.05},
    {"minimax-m2", 1.0, 0.95, 40, 1},      {"gemma3", 1.0, 0.95, 64, 1},
    {"smollm3", 0.6, 0.95, 0, 1},          {"gpt-oss", 1.0, 1.0, 0, 1},
    {"ernie4_5", 0.8, 0.8, 0, 1},          {"ernie4_5-moe", 0.8, 0.8, 0, 1},
};

void CheckRange(const char* source, const char* key, double value, double low, double high) {
  if (std::isfinite(value) && value >= low && value <= high) return;
  Fail(ErrorCode::kCorrupt, "{}: {} is {}, needed {} to {}", source, key, value, low, high);
}

// The ranges are those of docs/sampling.md.
void Check(const RecommendedSampling& found) {
  const char* source = found.source.c_str();
  if (found.temperature) CheckRange(source, "temperature", *found.temperature, 0, 100);
  if (found.top_p) CheckRange(source, "top_p", *found.top_p, 0, 1);
  if (found.min_p) CheckRange(source, "min_p", *found.min_p, 0, 1);
  if (found.repeat_penalty)
    CheckRange(source, "repetition_penalty", *found.repeat_penalty, 0.01, 100);
  if (found.top_k) CheckRange(source, "top_k", *found.top_k, 0, 1 << 30);
}

int AsCount(double value) {
  if (value == -1) return 0;  // both spellings of "off" are in use
  return std::isfinite(value) && std::abs(value) < 1e9 ? static_cast<int>(value) : -2;
}

std::optional<double> JsonNumber(const Json& config, const char* key) {
  const Json* value = config.Find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_number()) {
    Fail(ErrorCode::kCorrupt, "generation_config.json: {} is {}, needed a number", key,
         DumpJson(*value));
  }
  return value->as_double();
}

std::optional<double> GgufNumber(const GgufMetadata& metadata, const char* key) {
  const GgufValue* value = metadata.Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_integer()) return static_cast<double>(value->integer);
  if (!value->is_number()) {
    Fail(ErrorCode::kCorrupt, "{}: {} is no number", metadata.where, key);
  }
  return value->number;
}

// One parameter in the spelling of options and of both kinds of files.
struct Key {
  const char *option, *json, *gguf;
};
constexpr Key kTopK = {"top_k", "top_k", "general.sampling.top_k"};
constexpr struct {
  Key key;
  std::optional<double> RecommendedSampling::* member;
} kReals[] = {
    {{"temperature", "temperature", "general.sampling.temp"}, &RecommendedSampling::temperature},
    {{"top_p", "top_p", "general.sampling.top_p"}, &RecommendedSampling::top_p},
    {{"min_p", "min_p", "general.sampling.min_p"}, &RecommendedSampling::min_p},
    {{"repeat_penalty", "repetition_penalty", "general.sampling.penalty_repeat"},
     &RecommendedSampling::repeat_penalty}};

// `number(key)` reads one; those that the user named stay unread, however wrong they are.
template <typename Number>
void Read(RecommendedSampling& found, const IsNamedParameter& is_named, const Number& number) {
  for (const auto& [key, member] : kReals) {
    if (!is_named(key.option)) found.*member = number(key);
  }
  if (is_named(kTopK.option)) return;
  if (const auto top_k = number(kTopK)) found.top_k = AsCount(*top_k);
}

}  // namespace

RecommendedSampling SamplingFromGenerationConfig(const Json& config,
                                                 const IsNamedParameter& is_named) {
  RecommendedSampling found;
  found.source = "generation_config.json";
  const Json* sampled = config.Find("do_sample");
  if (sampled != nullptr && sampled->is_bool() && !sampled->as_bool()) {
    found.temperature = 0;
    return found;
  }
  found.sampled = sampled != nullptr && sampled->is_bool();
  Read(found, is_named, [&](const Key& key) { return JsonNumber(config, key.json); });
  Check(found);
  return found;
}

RecommendedSampling SamplingFromGguf(const GgufMetadata& metadata,
                                     const IsNamedParameter& is_named) {
  RecommendedSampling found;
  found.source = "general.sampling of the file";
  Read(found, is_named, [&](const Key& key) { return GgufNumber(metadata, key.gguf); });
  Check(found);
  return found;
}

RecommendedSampling CompleteSampling(RecommendedSampling found, const RecommendedSampling& card,
                                     const IsNamedParameter& is_named) {
  if (found.temperature == 0.0) return found;
  const bool named = !found.empty();
  bool filled = false;
  const auto fill = [&](const char* option, auto& value, const auto& other) {
    if (value || !other || is_named(option)) return;
    value = other;
    filled = true;
  };
  for (const auto& [key, member] : kReals) fill(key.option, found.*member, card.*member);
  fill(kTopK.option, found.top_k, card.top_k);
  if (!found.temperature && found.sampled) found.temperature = 1.0;
  if (filled) found.source = named ? found.source + ", " + card.source : card.source;
  return found;
}

RecommendedSampling SamplingOfFamily(std::string_view family) {
  RecommendedSampling found;
  for (const Card& card : kCards) {
    if (family != card.family) continue;
    found.temperature = card.temperature;
    found.top_p = card.top_p;
    if (card.top_k > 0) found.top_k = card.top_k;
    if (card.repeat_penalty != 1) found.repeat_penalty = card.repeat_penalty;
    found.source = "model card of " + std::string(family);
  }
  return found;
}

}  // namespace tael
