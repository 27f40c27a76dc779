// Answers of POST /v1/chat/completions, as a stream or whole.
#pragma once

#include <memory>

#include "api/answer_writer.h"
#include "api/chat_request.h"

namespace tael {

// A stream or whole, with log-probabilities and with usage in its last chunk, as `request` asks.
// Reasoning is `reasoning_content`, beside the content, as DeepSeek's and other servers have it;
// where usage is, `timings` is too. Head.id begins with "chatcmpl-".
std::unique_ptr<AnswerWriter> MakeOpenAiChatWriter(const AnswerHead& head,
                                                   const ChatRequest& request);

}  // namespace tael
