// POST /v1/chat/completions: its body.
#pragma once

#include "api/chat_request.h"

namespace tael {

// Takes every field that a text model can honour, and those that other servers have beside them:
// top_k, min_p, repetition_penalty, chat_template_kwargs, reasoning_content. Ignored: user,
// safety_identifier, metadata, service_tier, prompt_cache_*, verbosity, store, and strict of a
// tool's definition, whose schema is shown to the model but not enforced. Throws ApiError(400) that
// names the field.
ChatRequest ParseOpenAiChatRequest(const Json& body);

}  // namespace tael
