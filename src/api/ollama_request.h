// POST /api/chat and /api/generate: their bodies.
#pragma once

#include <variant>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "base/json.h"

namespace tael {

// Fields: kOllamaChatFields and docs/api.md. Without messages the model is to be loaded, or
// unloaded where keep_alive is 0. Throws ApiError(400) that names the field.
ChatRequest ParseOllamaChatRequest(const Json& body);

// What /api/generate is: with raw or a suffix a completion, else a chat of one message. A chat
// without messages is to load the model, as above.
using OllamaGenerateRequest = std::variant<ChatRequest, CompletionRequest>;
OllamaGenerateRequest ParseOllamaGenerateRequest(const Json& body);

}  // namespace tael
