// Answers of POST /v1/messages, as a stream or whole.
#pragma once

#include <memory>

#include "api/answer_writer.h"
#include "api/chat_request.h"

namespace tael {

// Head.id begins with "msg_", head.choices is 1. Reasoning is blocks of type thinking, which have a
// signature because clients want one. Arguments of a call that are no JSON object stand, in a whole
// answer, as {"INVALID_JSON": text}. `timings` is an extension.
std::unique_ptr<AnswerWriter> MakeAnthropicWriter(const AnswerHead& head,
                                                  const ChatRequest& request);

}  // namespace tael
