// Ollama's endpoints about models: what they are asked and answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "api/api_error.h"
#include "api/model_description.h"
#include "base/json.h"

namespace tael {

// GET /api/tags: all models; GET /api/ps: those that are loaded.
Json OllamaTagsJson(std::span<const ModelDescription> models);
Json OllamaPsJson(std::span<const ModelDescription> models);
// POST /api/show. Its body has no more than a name.
std::string ParseOllamaShowRequest(const Json& body);
Json OllamaShowJson(const ModelDescription& model);
// GET /api/version
Json OllamaVersionJson(const std::string& version);

struct OllamaPullRequest {
  std::string model;
  bool stream = true;
};
OllamaPullRequest ParseOllamaPullRequest(const Json& body);
// One line of progress. `digest` of a file, "" = of none.
std::string OllamaPullLine(const std::string& status, const std::string& digest = "",
                           int64_t total = 0, int64_t completed = 0);

// POST /api/create, /api/push and /api/copy, DELETE /api/delete: 501 with what to do instead.
// `endpoint`: "create", ...
ApiError RefusedByOllamaEndpoint(const std::string& endpoint);

}  // namespace tael
