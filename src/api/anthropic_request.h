// POST /v1/messages and /v1/messages/count_tokens: their bodies.
#pragma once

#include "api/chat_request.h"
#include "base/json.h"

namespace tael {

// Fields: kAnthropicMessagesFields and docs/api.md. Throws ApiError(400) that names the field.
ChatRequest ParseAnthropicRequest(const Json& body);
// The same without what concerns the answer.
ChatRequest ParseAnthropicCountRequest(const Json& body);

Json AnthropicCountJson(int64_t prompt_tokens);

}  // namespace tael
