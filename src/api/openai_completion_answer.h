// Answers of POST /v1/completions, as a stream or whole.
#pragma once

#include <memory>

#include "api/answer_writer.h"
#include "api/completion_request.h"

namespace tael {

// Head.choices counts those of all prompts; head.id begins with "cmpl-". With echo, the first text
// of each choice is its prompt. Log-probabilities are in the older form: tokens, token_logprobs,
// top_logprobs (the picked token is always among them) and text_offset, in characters of `text`.
// Tokens that are no UTF-8 are written as bytes:\xE4\xBD.
std::unique_ptr<AnswerWriter> MakeOpenAiCompletionWriter(const AnswerHead& head,
                                                         const CompletionRequest& request);

}  // namespace tael
