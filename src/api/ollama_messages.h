// The conversation of an Ollama request.
#pragma once

#include "base/json.h"

namespace tael {

// As ChatRequest::messages. Calls without an id get one; a result belongs to the call with its
// tool_call_id, else to the first open one with its tool_name, else to the first open one. Throws
// ApiError(400). REQUIRES: `messages` is not empty.
JsonArray ParseOllamaMessages(const JsonArray& messages);

}  // namespace tael
