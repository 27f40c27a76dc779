// From a parsed request to what the engine is asked for.
#pragma once

#include <memory>

#include "api/chat_request.h"
#include "server/answer_job.h"
#include "server/served_model.h"

namespace tael {

// What of a chat request does not depend on who asked. Throws ApiError, and what the template
// throws (Error: kInvalidArgument, kUnsupported).
struct ChatPlan {
  EngineRequest request;
  AnswerStyle style;
};
ChatPlan PlanChat(const ChatRequest& request, const ServedModel& model);

// The conversation alone, as the template gets it.
ChatWish MakeChatWish(const ChatRequest& request, const ServedModel& model);

// A template that the model has, or ApiError(400).
const ChatFormat& FormatOf(const ServedModel& model);

// Throws ApiError(400) with both numbers.
void CheckFitsContext(size_t prompt_tokens, const ServedModel& model);

}  // namespace tael
