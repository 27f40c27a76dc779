// The walk that all endpoints for text share: the model, the plan, the answer.
#pragma once

#include <functional>
#include <memory>

#include "server/generation_plan.h"
#include "server/service.h"

namespace tael {

using ChatWriterMaker =
    std::function<std::unique_ptr<AnswerWriter>(const AnswerHead&, const ChatRequest&)>;
using CompletionWriterMaker =
    std::function<std::unique_ptr<AnswerWriter>(const AnswerHead&, const CompletionRequest&)>;

// How long the model stays behind a request, as the client wants it; negative: for ever. Throws
// ApiError(403) when its key is not for that.
void KeepAlive(Service& service, const Call& call, double seconds, const ServedModel& model);

// `id_prefix`: of the answer's id, "chatcmpl-". Called where it may take time; throw as
// ModelHost::Acquire().
void AnswerChat(Service& service, const Call& call, ChatRequest request,
                const std::string& id_prefix, ChatWriterMaker make_writer);
void AnswerCompletion(Service& service, const Call& call, CompletionRequest request,
                      const std::string& id_prefix, CompletionWriterMaker make_writer);

}  // namespace tael
