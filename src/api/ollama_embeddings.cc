#include "api/ollama_embeddings.h"

#include "api/ollama_answer.h"
#include "api/ollama_fields.h"
#include "api/ollama_options.h"
#include "api/prompt_inputs.h"
#include "api/sampling_fields.h"

namespace tael {
namespace {

void ParseShared(ObjectReader& reader, EmbeddingRequest* request) {
  SamplingRequest options;
  ParseOllamaOptions(reader, &options);
  request->model = reader.RequiredString("model");
  request->context_tokens = options.context_tokens;
  request->keep_alive_seconds = options.keep_alive_seconds;
}

}  // namespace

EmbeddingRequest ParseOllamaEmbedRequest(const Json& body) {
  constexpr size_t kMaxInputs = 2048;
  ObjectReader reader(body, "", kOllamaEmbedFields);
  EmbeddingRequest request;
  ParseShared(reader, &request);
  request.inputs = ParsePromptInputs(reader, "input", kMaxInputs);
  for (const PromptInput& input : request.inputs) {
    if (!std::holds_alternative<std::string>(input)) {
      reader.Wrong("input", "needed a string or strings");
    }
  }
  request.truncates = reader.Bool("truncate").value_or(true);
  request.dimensions = reader.Int("dimensions", 1, kAnyInt);
  reader.Finish();
  return request;
}

EmbeddingRequest ParseOllamaEmbeddingsRequest(const Json& body) {
  ObjectReader reader(body, "", kOllamaEmbeddingsFields);
  EmbeddingRequest request;
  ParseShared(reader, &request);
  request.inputs.emplace_back(reader.RequiredString("prompt"));
  request.truncates = true;
  reader.Finish();
  return request;
}

Json OllamaEmbedJson(const EmbeddingRequest& request,
                     const std::vector<std::vector<float>>& vectors, const AnswerUsage& usage) {
  JsonArray list;
  for (const std::vector<float>& vector : vectors) list.emplace_back(FloatsToJson(vector));
  const double total = usage.load_seconds + usage.queue_seconds + usage.prompt_seconds;
  Json json;
  json.Set("model", request.model);
  json.Set("embeddings", std::move(list));
  json.Set("total_duration", Nanoseconds(total * 1e9));
  json.Set("load_duration", Nanoseconds(usage.load_seconds * 1e9));
  json.Set("prompt_eval_count", usage.prompt_tokens);
  return json;
}

Json OllamaEmbeddingsJson(const std::vector<float>& vector) {
  Json json;
  json.Set("embedding", FloatsToJson(vector));
  return json;
}

}  // namespace tael
