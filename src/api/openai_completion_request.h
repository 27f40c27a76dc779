// POST /v1/completions: its body.
#pragma once

#include "api/completion_request.h"
#include "base/json.h"

namespace tael {

// Fields: kOpenAiCompletionFields and docs/api.md. Throws ApiError(400) that names the field.
CompletionRequest ParseOpenAiCompletionRequest(const Json& body);

}  // namespace tael
