// POST /api/embed and the older /api/embeddings.
#pragma once

#include "api/answer_event.h"
#include "api/embeddings.h"

namespace tael {

// Throw ApiError(400) that names the field.
EmbeddingRequest ParseOllamaEmbedRequest(const Json& body);
EmbeddingRequest ParseOllamaEmbeddingsRequest(const Json& body);

Json OllamaEmbedJson(const EmbeddingRequest& request,
                     const std::vector<std::vector<float>>& vectors, const AnswerUsage& usage);
Json OllamaEmbeddingsJson(const std::vector<float>& vector);

}  // namespace tael
