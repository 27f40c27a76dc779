// POST /v1/chat/completions
#include <chrono>
#include <memory>
#include <utility>

#include "api/openai_chat_answer.h"
#include "api/openai_chat_request.h"
#include "server/endpoints.h"
#include "server/generation_plan.h"
#include "server/random_id.h"

namespace tael {
namespace {

int64_t UnixTime() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void PostChatCompletions(Service& service, const Call& call) {
  auto request = std::make_shared<const ChatRequest>(ParseOpenAiChatRequest(call.Body()));
  service.WithModel(call, request->model, [&service, call, request](ModelLease model, double load) {
    ChatPlan chat = PlanChat(*request, *model);
    AnswerHead head;
    head.id = "chatcmpl-" + RandomLetters(24);
    head.model = request->model;
    head.created = UnixTime();
    head.fingerprint = model->fingerprint;
    head.choices = request->choices;
    head.prompt_tokens = static_cast<int64_t>(chat.request.prompt.size());
    AnswerPlan plan;
    plan.request = std::move(chat.request);
    plan.style = std::move(chat.style);
    plan.writer = MakeOpenAiChatWriter(head, *request);
    plan.load_seconds = load;
    service.Generate(call, std::move(model), std::move(plan));
  });
}

}  // namespace tael
