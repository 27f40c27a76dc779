#include "app/sampling_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "app/command.h"

namespace tael {
namespace {

constexpr const char* kGroup = "Sampling";
constexpr int kMaxInt = std::numeric_limits<int>::max();

// top_p: --top-p. typical_p is known by a shorter name as well.
std::string OptionName(std::string name) {
  if (name == "typical_p") return "--typical,--typical-p";
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

LogitBias ParseLogitBias(const std::string& text) {
  LogitBias bias;
  const char* end = text.data() + text.size();
  const auto id = std::from_chars(text.data(), end, bias.id);
  if (id.ec == std::errc() && id.ptr != end && *id.ptr == '=') {
    const auto value = std::from_chars(id.ptr + 1, end, bias.value);
    if (value.ec == std::errc() && value.ptr == end) return bias;
  }
  throw UsageError(fmt::format(
      "--logit-bias {}: needs the form ID=VALUE with a token's number, such as 42=-1.5 or 42=-inf",
      text));
}

// "12,7": one sequence of token ids.
std::vector<TokenId> ParseIds(const std::string& text) {
  std::vector<TokenId> ids;
  const char *at = text.data(), *end = at + text.size();
  while (at != end) {
    const auto id = std::from_chars(at, end, ids.emplace_back());
    if (id.ec != std::errc() || (id.ptr != end && *id.ptr != ',')) break;
    if (id.ptr == end) return ids;
    at = id.ptr + 1;
  }
  throw UsageError(
      fmt::format("--ban-ids {}: needs token ids separated by ',', such as 42 or 42,7", text));
}

}  // namespace

void AddSamplingFlags(CommandParser& command, SamplingFlags& flags) {
  command.AddOption("--max-tokens", &flags.max_tokens, "tokens per answer (0 = no limit)",
                    {.check = NonNegative{}, .group = kGroup});
  for (size_t i = 0; i < flags.reals.size(); ++i) {
    const RealParameter& p = RealParameters()[i];
    command.AddOption(OptionName(p.name), &flags.reals[i], p.help,
                      {.check = RealRange{static_cast<double>(p.low), static_cast<double>(p.high)},
                       .group = kGroup});
  }
  for (size_t i = 0; i < flags.ints.size(); ++i) {
    const IntParameter& p = IntParameters()[i];
    const bool any = p.low == 0 && p.high == kMaxInt;
    command.AddOption(
        OptionName(p.name), &flags.ints[i], p.help,
        {.check = any ? ValueCheck(NonNegative{}) : IntRange{p.low, p.high}, .group = kGroup});
  }
  command.AddOption("--samplers", &flags.stages,
                    "stages that run, in this order: names separated by ',' or ';'",
                    {.type = "LIST", .group = kGroup});
  command.AddOption("--logit-bias", &flags.logit_bias,
                    "add to the logit of a token; -inf bans it (repeatable)",
                    {.type = "ID=VALUE", .group = kGroup});
  command.AddOption("--ban", &flags.banned_strings,
                    "a text that the answer must not contain (repeatable)",
                    {.type = "TEXT", .group = kGroup});
  command.AddOption("--ban-ids", &flags.banned_ids,
                    "a token id that the answer must not contain, or several separated by ',': "
                    "then the last one must not follow the others (repeatable)",
                    {.type = "ID[,ID]", .group = kGroup});
  command.AddOption("--stop", &flags.stop_strings, "end the answer before this text (repeatable)",
                    {.type = "TEXT", .group = kGroup});
  command.AddOption("--dry-sequence-breaker", &flags.dry_breakers,
                    "a text that repetitions do not reach across (repeatable; 'none' = no such "
                    "text; default: line break, ':', '\"' and '*')",
                    {.type = "TEXT", .group = kGroup});
  command.AddOption("--seed", &flags.seed, "of the random numbers",
                    {.check = NonNegative{}, .group = kGroup});
}

SamplingParams MakeSamplingParams(const SamplingFlags& flags, const RunSettings& run) {
  SamplingParams params;
  params.temperature = static_cast<float>(run.temperature);
  params.top_k = run.top_k;
  params.top_p = static_cast<float>(run.top_p);
  params.min_p = static_cast<float>(run.min_p);
  params.seed = static_cast<uint64_t>(flags.seed.value_or(run.seed));
  for (size_t i = 0; i < flags.reals.size(); ++i) {
    if (flags.reals[i]) params.*RealParameters()[i].member = static_cast<float>(*flags.reals[i]);
  }
  for (size_t i = 0; i < flags.ints.size(); ++i) {
    if (flags.ints[i]) params.*IntParameters()[i].member = *flags.ints[i];
  }
  if (flags.stages) params.stages = ParseStages(*flags.stages);
  for (const std::string& text : flags.logit_bias) {
    params.logit_bias.push_back(ParseLogitBias(text));
  }
  for (const std::string& text : flags.dry_breakers) {
    if (text.empty()) throw UsageError("--dry-sequence-breaker: needs a text of at least 1 byte");
  }
  for (const std::string& ids : flags.banned_ids) params.banned_sequences.push_back(ParseIds(ids));
  params.banned_strings = flags.banned_strings;
  Validate(params);
  return params;
}

namespace {

// Whether the user named `name` as an option, or in the settings as run.<name>.
bool IsNamed(std::string_view name, const SamplingFlags& flags, const LoadedSettings& settings) {
  for (size_t i = 0; i < flags.reals.size(); ++i) {
    if (flags.reals[i] && RealParameters()[i].name == name) return true;
  }
  for (size_t i = 0; i < flags.ints.size(); ++i) {
    if (flags.ints[i] && IntParameters()[i].name == name) return true;
  }
  const std::string key = "run." + std::string(name);
  return std::any_of(
      settings.origins.begin(), settings.origins.end(),
      [&](const SettingOrigin& origin) { return origin.key == key && origin.origin != "default"; });
}

}  // namespace

bool UseRecommended(const RecommendedSampling& recommended, const SamplingFlags& flags,
                    const LoadedSettings& settings, SamplingParams& params) {
  bool taken = false;
  const auto use = [&](const char* name, const auto& value, auto* target) {
    if (!value || IsNamed(name, flags, settings)) return;
    *target = static_cast<std::remove_pointer_t<decltype(target)>>(*value);
    taken = true;
  };
  use("temperature", recommended.temperature, &params.temperature);
  use("top_p", recommended.top_p, &params.top_p);
  use("min_p", recommended.min_p, &params.min_p);
  use("top_k", recommended.top_k, &params.top_k);
  use("repeat_penalty", recommended.repeat_penalty, &params.repeat_penalty);
  Validate(params);
  return taken;
}

RecommendedSampling FindRecommendedSampling(const Model& model, const SamplingFlags& flags,
                                            const LoadedSettings& settings) {
  const auto named = [&](std::string_view name) { return IsNamed(name, flags, settings); };
  const Checkpoint& checkpoint = model.checkpoint;
  RecommendedSampling found;
  if (checkpoint.generation_config) {
    found = SamplingFromGenerationConfig(*checkpoint.generation_config, named);
  } else if (checkpoint.gguf != nullptr) {
    found = SamplingFromGguf(*checkpoint.gguf, named);
  }
  return CompleteSampling(std::move(found), SamplingOfFamily(model.spec.family), named);
}

std::string SamplingText(const SamplingParams& params) {
  static const SamplingParams kDefaults;
  // Without a temperature no stage runs; what changes the logits before does.
  constexpr std::string_view kStages[] = {"top_k",         "mirostat",          "dynatemp_range",
                                          "top_p",         "dynatemp_exponent", "min_p",
                                          "typical_p",     "top_n_sigma",       "xtc_probability",
                                          "xtc_threshold", "mirostat_tau",      "mirostat_eta"};
  const bool greedy = params.temperature == 0;
  std::string text = greedy ? "greedy" : fmt::format("temperature {}", params.temperature);
  const auto add = [&](const auto& parameter) {
    const std::string_view name = parameter.name;
    const auto value = params.*parameter.member;
    if (name == "temperature" || value == kDefaults.*parameter.member) return;
    if (greedy && std::find(std::begin(kStages), std::end(kStages), name) != std::end(kStages)) {
      return;
    }
    text += fmt::format(", {} {}", name, value);
  };
  for (const IntParameter& parameter : IntParameters()) add(parameter);
  for (const RealParameter& parameter : RealParameters()) add(parameter);
  return text;
}

std::vector<std::string> StopTexts(const SamplingFlags& flags) {
  for (const std::string& text : flags.stop_strings) {
    if (text.empty()) throw UsageError("--stop: needs a text of at least 1 byte");
  }
  return flags.stop_strings;
}

int MaxTokens(const SamplingFlags& flags, const RunSettings& run) {
  return flags.max_tokens.value_or(run.max_tokens);
}

std::shared_ptr<const TokenTexts> UseVocabulary(const SamplingFlags& flags,
                                                const Tokenizer& tokenizer,
                                                SamplingParams& params) {
  const bool dry = params.dry_multiplier > 0;
  if (!dry && params.banned_strings.empty()) return nullptr;
  auto texts = std::make_shared<const TokenTexts>(tokenizer);
  if (dry) {
    std::vector<std::string> breakers = flags.dry_breakers;
    if (breakers.empty()) breakers = {"\n", ":", "\"", "*"};
    std::erase(breakers, "none");
    params.dry_breakers = BreakerSequences(breakers, *texts, tokenizer);
  }
  return params.banned_strings.empty() ? nullptr : texts;
}

}  // namespace tael
