// Vectors of texts: POST /v1/embeddings, and what Ollama's endpoints share with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/completion_request.h"
#include "base/json.h"

namespace tael {

struct EmbeddingRequest {
  std::string model;
  std::vector<PromptInput> inputs = {};
  std::optional<int64_t> dimensions = {};  // the first so many of a vector, scaled to length 1
  bool base64 = false;                     // little-endian floats; else JSON numbers
  bool truncates = false;                  // an input beyond the context loses its end; else a 400
  std::optional<int64_t> context_tokens = {};
  std::optional<double> keep_alive_seconds = {};  // as in SamplingRequest
};

// Fields: kOpenAiEmbeddingFields. Throws ApiError(400) that names the field.
EmbeddingRequest ParseOpenAiEmbeddingRequest(const Json& body);

// `vectors`: one per input, in their order.
Json OpenAiEmbeddingJson(const EmbeddingRequest& request,
                         const std::vector<std::vector<float>>& vectors, int64_t prompt_tokens);

// Numbers with no more digits than a float needs.
JsonArray FloatsToJson(const std::vector<float>& values);

}  // namespace tael
