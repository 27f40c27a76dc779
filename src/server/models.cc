// GET /v1/models and /v1/models/NAME, in the form of OpenAI or of Anthropic.
#include "api/model_list.h"
#include "server/endpoints.h"
#include "server/model_descriptions.h"

namespace tael {
namespace {

// Its clients always send the version that they speak.
bool IsAnthropic(const Call& call) { return call.request().Find("anthropic-version") != nullptr; }

}  // namespace

void ListModels(Service& service, const Call& call) {
  const auto all = DescribeAll(service.models());
  call.Answer(IsAnthropic(call) ? AnthropicModelListJson(all) : OpenAiModelListJson(all));
}

void GetModel(Service& service, const Call& call) {
  const ModelDescription model = DescribeOne(service.models(), call.rest);
  call.Answer(IsAnthropic(call) ? AnthropicModelJson(model) : OpenAiModelJson(model));
}

}  // namespace tael
