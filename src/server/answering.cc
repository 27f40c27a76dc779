#include "server/answering.h"

#include <utility>

namespace tael {
namespace {

// How long the model stays behind this, as the request wants it.
void UseKeepAlive(Service& service, const SamplingRequest& request, const ServedModel& model) {
  if (request.keep_alive_seconds) service.models().Keep(model.name, *request.keep_alive_seconds);
}

}  // namespace

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
                      UseKeepAlive(service, *asked, *model);
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
                      UseKeepAlive(service, *asked, *model);
                      service.Generate(call, std::move(model), std::move(plan));
                    });
}

}  // namespace tael
