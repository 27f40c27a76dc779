// POST /v1/chat/completions: its body.
#pragma once

#include "api/chat_request.h"
#include "api/object_reader.h"

namespace tael {

// Fields: kOpenAiChatFields and docs/api.md. Throws ApiError(400) that names the field.
ChatRequest ParseOpenAiChatRequest(const Json& body);

// Those fields of it, beside the messages, that decide what the chat template gives: tools,
// tool_choice, reasoning_effort, thinking, enable_thinking, thinking_budget, chat_template_kwargs.
void ParseOpenAiTemplateFields(ObjectReader& reader, ChatRequest* request);

}  // namespace tael
