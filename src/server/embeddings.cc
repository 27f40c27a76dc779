// POST /v1/embeddings, /api/embed and /api/embeddings
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "api/embeddings.h"
#include "api/ollama_embeddings.h"
#include "server/api_errors.h"
#include "server/collect_job.h"
#include "server/endpoints.h"
#include "server/generation_plan.h"

namespace tael {
namespace {

using MakeBody = std::function<Json(const EmbeddingRequest&, const Collected&, double load)>;

std::vector<EngineRequest> PlanEmbeddings(const EmbeddingRequest& asked, const ServedModel& model) {
  if (!model.pooling) {
    throw ApiError(400, "unsupported_value", "model",
                   "this model gives no embeddings: " + model.why_no_pooling);
  }
  std::vector<EngineRequest> requests;
  for (const PromptInput& input : asked.inputs) {
    EngineRequest request;
    request.prompt = EncodePrompt(input, "input", model);
    const auto context = static_cast<size_t>(model.context);
    if (asked.truncates && request.prompt.size() > context) request.prompt.resize(context);
    CheckFitsContext(request.prompt.size(), "input", model);
    request.pooling = model.pooling;
    request.adapters = model.adapters;
    requests.push_back(std::move(request));
  }
  return requests;
}

// The first so many numbers, scaled to length 1; zeros stay zeros.
void Shorten(int64_t dimensions, std::vector<float>* vector) {
  vector->resize(static_cast<size_t>(dimensions));
  double squares = 0;
  for (const float x : *vector) squares += double{x} * x;
  if (squares == 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& x : *vector) x = static_cast<float>(x * scale);
}

void CheckDimensions(const EmbeddingRequest& asked, const ServedModel& model) {
  const int64_t width = model.loaded.model->spec.hidden_size;
  if (!asked.dimensions || *asked.dimensions <= width) return;
  throw ApiError(400, "invalid_value", "dimensions",
                 "dimensions: embeddings of this model have " + std::to_string(width));
}

void Embed(Service& service, const Call& call, EmbeddingRequest request, MakeBody make_body) {
  const auto asked = std::make_shared<const EmbeddingRequest>(std::move(request));
  const auto answer = [call, asked, make_body = std::move(make_body)](Collected collected,
                                                                      double load) {
    for (auto& vector : collected.vectors) {
      if (asked->dimensions) Shorten(*asked->dimensions, &vector);
    }
    call.Answer(make_body(*asked, collected, load));
  };
  service.WithModel(
      call, asked->model, [&service, call, asked, answer](ModelLease model, double load) {
        CheckDimensions(*asked, *model);
        auto requests = PlanEmbeddings(*asked, *model);
        service.Collect(
            call, std::move(model), std::move(requests),
            [answer, load](Collected collected) { answer(std::move(collected), load); });
      });
}

AnswerUsage UsageOf(const Collected& collected, double load) {
  AnswerUsage usage;
  usage.prompt_tokens = collected.prompt_tokens;
  usage.cached_tokens = collected.cached_tokens;
  usage.queue_seconds = collected.queue_seconds;
  usage.prompt_seconds = collected.prompt_seconds;
  usage.load_seconds = load;
  return usage;
}

}  // namespace

void PostEmbeddings(Service& service, const Call& call) {
  Embed(service, call, ParseOpenAiEmbeddingRequest(call.Body()),
        [](const EmbeddingRequest& asked, const Collected& collected, double) {
          return OpenAiEmbeddingJson(asked, collected.vectors, collected.prompt_tokens);
        });
}

void PostOllamaEmbed(Service& service, const Call& call) {
  Embed(service, call, ParseOllamaEmbedRequest(call.Body()),
        [](const EmbeddingRequest& asked, const Collected& collected, double load) {
          return OllamaEmbedJson(asked, collected.vectors, UsageOf(collected, load));
        });
}

void PostOllamaEmbeddings(Service& service, const Call& call) {
  Embed(service, call, ParseOllamaEmbeddingsRequest(call.Body()),
        [](const EmbeddingRequest&, const Collected& collected, double) {
          return OllamaEmbeddingsJson(collected.vectors[0]);
        });
}

}  // namespace tael
