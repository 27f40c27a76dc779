// POST /v1/chat/completions: its body.
#pragma once

#include "api/chat_request.h"

namespace tael {

// Fields: kOpenAiChatFields and docs/api.md. Throws ApiError(400) that names the field.
ChatRequest ParseOpenAiChatRequest(const Json& body);

}  // namespace tael
