// Errors in the form of each API.
#pragma once

#include <string>

#include "api/api_error.h"
#include "base/json.h"

namespace tael {

enum class Api { kOpenAi, kAnthropic, kOllama };

// The body that goes with error.status(), and what a stream says when it breaks:
// OpenAI     {"error": {"message", "type", "param", "code"}}
// Anthropic  {"type": "error", "error": {"type", "message"}, "request_id"}
// Ollama     {"error": text}
// `request_id`: the value of the header of that name; only Anthropic's form has it.
Json ErrorBody(Api api, const ApiError& error, const std::string& request_id = "");

}  // namespace tael
