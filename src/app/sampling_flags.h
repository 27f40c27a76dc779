// Options of run and chat that say how tokens are picked. docs/sampling.md explains them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/settings.h"
#include "dialect/recommended_sampling.h"
#include "engine/sampling/params.h"
#include "engine/sampling/token_texts.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace tael {

// Filled by the parser; what is not given comes from the settings.
struct SamplingFlags {
  std::optional<int> max_tokens;
  std::optional<int64_t> seed;
  // By index of RealParameters() and IntParameters().
  std::vector<std::optional<double>> reals =
      std::vector<std::optional<double>>(RealParameters().size());
  std::vector<std::optional<int>> ints = std::vector<std::optional<int>>(IntParameters().size());
  std::optional<std::string> stages;
  std::vector<std::string> logit_bias, banned_strings, banned_ids, dry_breakers, stop_strings;
};

// One option for each of RealParameters() and IntParameters(), named after it (top_p: --top-p), and
// those of another form. `flags` must outlive the parsing.
void AddSamplingFlags(CommandParser& command, SamplingFlags& flags);

// Throws UsageError for a malformed --logit-bias or --ban-ids, kInvalidArgument for values out of
// range.
SamplingParams MakeSamplingParams(const SamplingFlags& flags, const RunSettings& run);
// Takes over what is recommended for each value that neither an option nor the settings (their
// file, the environment, --set) name. True if anything was taken.
bool UseRecommended(const RecommendedSampling& recommended, const SamplingFlags& flags,
                    const LoadedSettings& settings, SamplingParams& params);
// From the model's files, else from the card of its family. What the user named himself is not
// read, so that a wrong value there stands in nobody's way. Throws kCorrupt for the others.
RecommendedSampling FindRecommendedSampling(const Model& model, const SamplingFlags& flags,
                                            const LoadedSettings& settings);
// "temperature 0.6, top_k 20, top_p 0.95", or "greedy": all that is off its default.
std::string SamplingText(const SamplingParams& params);
// The texts of --stop. Throws UsageError for an empty one.
std::vector<std::string> StopTexts(const SamplingFlags& flags);
int MaxTokens(const SamplingFlags& flags, const RunSettings& run);

// What needs the model's vocabulary: sets the breakers of DRY in `params`, and returns the texts of
// the tokens if there are banned strings, else null.
std::shared_ptr<const TokenTexts> UseVocabulary(const SamplingFlags& flags,
                                                const Tokenizer& tokenizer, SamplingParams& params);

}  // namespace tael
