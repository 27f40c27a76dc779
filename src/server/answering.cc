#include "server/answering.h"

#include <utility>

namespace tael {

void KeepAlive(Service& service, const Call& call, double seconds, const ServedModel& model) {
  const bool for_ever = seconds < 0;
  if (for_ever && call.client.key != nullptr && !call.client.key->HasScope("admin")) {
    throw ApiError(403, "insufficient_scope", "keep_alive",
                   "keep_alive: only a key of scope admin keeps a model for ever");
  }
  service.models().Keep(model.name, seconds);
}

void AnswerChat(Service& service, const Call& call, ChatRequest request,
                const std::string& id_prefix, ChatWriterMaker make_writer) {
  const auto asked = std::make_shared<const ChatRequest>(std::move(request));
  service.WithModel(call, asked->model,
                    [&service, call, asked, id_prefix, make_writer = std::move(make_writer)](
                        ModelLease model, double load) {
                      AnswerPlan plan;
                      plan.prompts.push_back(PlanChat(*asked, *model));
                      plan.writer =
                          make_writer(MakeHead(id_prefix, *asked, *model, plan.prompts), *asked);
                      plan.load_seconds = load;
                      if (asked->keep_alive_seconds) {
                        KeepAlive(service, call, *asked->keep_alive_seconds, *model);
                      }
                      service.Generate(call, std::move(model), std::move(plan));
                    });
}

void AnswerCompletion(Service& service, const Call& call, CompletionRequest request,
                      const std::string& id_prefix, CompletionWriterMaker make_writer) {
  const auto asked = std::make_shared<const CompletionRequest>(std::move(request));
  service.WithModel(call, asked->model,
                    [&service, call, asked, id_prefix, make_writer = std::move(make_writer)](
                        ModelLease model, double load) {
                      AnswerPlan plan;
                      plan.prompts = PlanCompletion(*asked, *model);
                      plan.writer =
                          make_writer(MakeHead(id_prefix, *asked, *model, plan.prompts), *asked);
                      plan.load_seconds = load;
                      if (asked->keep_alive_seconds) {
                        KeepAlive(service, call, *asked->keep_alive_seconds, *model);
                      }
                      service.Generate(call, std::move(model), std::move(plan));
                    });
}

}  // namespace tael
