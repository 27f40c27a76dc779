// The conversation of an Anthropic request.
#pragma once

#include "api/object_reader.h"

namespace tael {

// `system` and `messages` of `reader` as ChatRequest::messages. Neighbours of one role are one
// turn; results of tools go before the text of their turn. Blocks of text are joined: an
// assistant's as they are, others by line breaks. Throws ApiError(400): other blocks than text,
// thinking, tool_use and tool_result, calls without their results or results of no call.
JsonArray ParseAnthropicMessages(ObjectReader& reader);

}  // namespace tael
