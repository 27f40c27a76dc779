// Fields that Ollama's endpoints share.
#pragma once

#include <optional>

#include "api/chat_request.h"
#include "api/object_reader.h"

namespace tael {

// `options`, `keep_alive`.
void ParseOllamaOptions(ObjectReader& reader, SamplingRequest* request);
// A duration of Go ("1h30m", "300ms") or a number of seconds, also as a string. Seconds.
std::optional<double> ParseKeepAlive(ObjectReader& reader);
// `think`
void ParseOllamaThink(ObjectReader& reader, ChatRequest* request);
// `model`, or `name` where the table has it.
std::string ParseOllamaModel(ObjectReader& reader);

}  // namespace tael
