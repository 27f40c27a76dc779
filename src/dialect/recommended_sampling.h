// The sampling that a model's makers recommend: from its files, else from their model cards.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tael {

class GgufMetadata;

struct RecommendedSampling {
  std::optional<double> temperature, top_p, min_p, repeat_penalty;
  std::optional<int> top_k;
  std::string source;    // where it is said, for the user
  bool sampled = false;  // "do_sample": true, with or without a temperature
  bool empty() const { return !temperature && !top_p && !min_p && !repeat_penalty && !top_k; }
};

// Whether the user named "temperature", "top_p", ... himself: then nothing is recommended for it,
// and what a file says about it is not looked at.
using IsNamedParameter = std::function<bool(std::string_view)>;
inline bool NoneIsNamed(std::string_view) { return false; }

// generation_config.json: sampling off (do_sample false) is temperature 0. Keys of other purposes
// are not looked at. Throws kCorrupt for a value that is no number or out of range.
RecommendedSampling SamplingFromGenerationConfig(const Json& config,
                                                 const IsNamedParameter& is_named = NoneIsNamed);
// The keys general.sampling.* of GGUF files. Throws kCorrupt likewise.
RecommendedSampling SamplingFromGguf(const GgufMetadata& metadata,
                                     const IsNamedParameter& is_named = NoneIsNamed);
// What the model card says, for files that say nothing; empty for families without an entry.
// `family` is DecoderSpec::family.
RecommendedSampling SamplingOfFamily(std::string_view family);

// `found` with what it leaves open taken from `card`; a temperature that neither names is 1 where
// sampling is asked for (the default of Transformers). Temperature 0 leaves nothing open, and what
// the user named is not open.
RecommendedSampling CompleteSampling(RecommendedSampling found, const RecommendedSampling& card,
                                     const IsNamedParameter& is_named = NoneIsNamed);

}  // namespace tael
