// Whether and how much a model is to think, in the forms of the APIs.
#pragma once

#include <string_view>

#include "api/chat_request.h"
#include "api/object_reader.h"

namespace tael {

// A word for the effort: none (no thinking), minimal and low, medium, high and xhigh and max, which
// become low, medium and high, the levels that models know.
void ParseEffort(ObjectReader& reader, std::string_view key, ChatRequest* request);
// `thinking`: {type: enabled, disabled or adaptive, budget_tokens}.
void ParseThinking(ObjectReader& reader, ChatRequest* request);

}  // namespace tael
