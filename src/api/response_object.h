// The response object of OpenAI's responses, and its items.
#pragma once

#include <optional>
#include <string>

#include "api/answer_event.h"
#include "api/api_error.h"
#include "api/responses_request.h"

namespace tael {

// What does not change while a response is made. `status`: "in_progress", "completed",
// "incomplete", "failed".
Json ResponseObject(const AnswerHead& head, const ResponseRequest& request, const char* status,
                    JsonArray output);
// Sets what is known at its end.
void SetResponseUsage(const AnswerUsage& usage, Json* response);
void SetResponseError(const ApiError& error, Json* response);

// One item while it is written.
struct ResponseItem {
  enum class Kind { kMessage, kReasoning, kSummary, kCall };  // kSummary: reasoning as a summary
  Kind kind = Kind::kMessage;
  std::string id;
  std::string text = {};  // of a call, its arguments
  std::string call_id = {}, name = {};
  JsonArray log_probs = {};
};

// `parts`: false leaves the content out, as when an item begins.
Json ResponseItemJson(const ResponseItem& item, const char* status, bool parts);
// {type, text}, of a message with annotations and logprobs. REQUIRES: no call.
Json ResponsePartJson(const ResponseItem& item);

}  // namespace tael
