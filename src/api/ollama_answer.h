// Answers of POST /api/chat and /api/generate, as lines of JSON or whole.
#pragma once

#include <memory>

#include "api/answer_writer.h"
#include "api/sampling_request.h"

namespace tael {

enum class OllamaEndpoint { kChat, kGenerate };

// Head.choices is 1. Calls of tools come whole, once their arguments are complete; arguments that
// are no JSON object as {"INVALID_JSON": text}. The last line has the durations, in nanoseconds,
// and the extension `timings`.
std::unique_ptr<AnswerWriter> MakeOllamaWriter(OllamaEndpoint endpoint, const AnswerHead& head,
                                               const SamplingRequest& request);

// Answers a request that is only to load the model, or to unload it: one line, stream or not.
std::string OllamaLoadedLine(OllamaEndpoint endpoint, const AnswerHead& head, bool unloaded);

inline constexpr const char* kNdjsonType = "application/x-ndjson";
// As Ollama counts time.
int64_t Nanoseconds(double seconds);

}  // namespace tael
