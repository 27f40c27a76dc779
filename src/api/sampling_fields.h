// Fields of requests that several APIs have, read in one way.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/object_reader.h"
#include "api/sampling_request.h"

namespace tael {

inline constexpr int64_t kAnyInt = std::numeric_limits<int64_t>::max();
inline constexpr int kMaxChoices = 128;
inline constexpr int kMaxTopLogProbs = 20;
inline constexpr const char* kNeedsConstrained =
    "needs constrained decoding, which is not there yet: answers are free text";

// A string or strings, none empty, 16 at most.
std::vector<std::string> ParseStopTexts(ObjectReader& reader, std::string_view key);
// {id: -100 to 100}, 1024 at most.
std::vector<std::pair<int32_t, double>> ParseLogitBias(ObjectReader& reader);
// temperature, top_p, top_k, min_p, frequency_penalty, presence_penalty, repetition_penalty, seed,
// logit_bias, n, stop, min_tokens, ignore_eos, as OpenAI's endpoints have them.
void ParseOpenAiSampling(ObjectReader& reader, SamplingRequest* request);
// stream and stream_options.
void ParseOpenAiStream(ObjectReader& reader, SamplingRequest* request);
// logprobs: true, and top_logprobs.
void ParseLogProbs(ObjectReader& reader, SamplingRequest* request);

}  // namespace tael
