// The items that OpenAI's responses take and give, as messages of a conversation.
#pragma once

#include "base/json.h"

namespace tael {

// `input` of a request as a list of items, a string being a message of the user. Throws
// ApiError(400) unless it is a string or an array of objects.
JsonArray ResponseInputItems(const Json& input);

// As ChatRequest::messages: reasoning, texts and calls that follow each other are one turn of the
// assistant. `instructions`: "" = none. Items of earlier responses come first; paths count them
// from input[0] on, and so `earlier` says how many of `items` they are. Throws ApiError(400).
JsonArray MessagesOfItems(const std::string& instructions, const JsonArray& items, size_t earlier);

}  // namespace tael
