// POST /v1/chat/completions and /v1/completions
#include <memory>
#include <utility>

#include "api/openai_chat_answer.h"
#include "api/openai_chat_request.h"
#include "api/openai_completion_answer.h"
#include "api/openai_completion_request.h"
#include "server/endpoints.h"
#include "server/generation_plan.h"

namespace tael {

void PostChatCompletions(Service& service, const Call& call) {
  auto request = std::make_shared<const ChatRequest>(ParseOpenAiChatRequest(call.Body()));
  service.WithModel(call, request->model, [&service, call, request](ModelLease model, double load) {
    AnswerPlan plan;
    plan.prompts.push_back(PlanChat(*request, *model));
    plan.writer =
        MakeOpenAiChatWriter(MakeHead("chatcmpl-", *request, *model, plan.prompts), *request);
    plan.load_seconds = load;
    service.Generate(call, std::move(model), std::move(plan));
  });
}

void PostCompletions(Service& service, const Call& call) {
  auto request =
      std::make_shared<const CompletionRequest>(ParseOpenAiCompletionRequest(call.Body()));
  service.WithModel(call, request->model, [&service, call, request](ModelLease model, double load) {
    AnswerPlan plan;
    plan.prompts = PlanCompletion(*request, *model);
    plan.writer =
        MakeOpenAiCompletionWriter(MakeHead("cmpl-", *request, *model, plan.prompts), *request);
    plan.load_seconds = load;
    service.Generate(call, std::move(model), std::move(plan));
  });
}

}  // namespace tael
