// POST /v1/responses: its body, and what is stored to go on behind it.
#pragma once

#include <optional>
#include <string>

#include "api/chat_request.h"
#include "base/json.h"

namespace tael {

struct ResponseRequest {
  ChatRequest chat;                     // its messages: ResponseMessages()
  JsonArray items;                      // of the input
  std::string instructions;             // "" = none
  std::optional<std::string> previous;  // id of the response that this one goes on behind
  bool store = true;                    // so that others can
  std::optional<std::string> summary;   // of the reasoning: auto, concise or detailed
  Json metadata = JsonObject{};
};

// Fields: kResponsesFields and docs/api.md. Throws ApiError(400) that names the field.
ResponseRequest ParseResponsesRequest(const Json& body);

// ChatRequest::messages. `earlier`: the items of the responses before, the oldest first. Throws
// ApiError(400).
JsonArray ResponseMessages(const ResponseRequest& request, const JsonArray& earlier);

// What is kept of a request and its answer: {response, input}, the input's items with an id.
Json ResponseToStore(const ResponseRequest& request, const Json& response);
// The items that a response adds to its chain: its input and its output. The response before it;
// "" = it is the first.
JsonArray ItemsOfStored(const Json& stored);
std::string PreviousOfStored(const Json& stored);
// GET /v1/responses/ID/input_items, all on one page, the youngest first unless `ascending`.
Json InputItemsJson(const Json& stored, bool ascending);
// DELETE /v1/responses/ID
Json DeletedResponseJson(const std::string& id);

}  // namespace tael
