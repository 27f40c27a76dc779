// POST /v1/rerank, in the form that Jina, Cohere and vLLM share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace tael {

struct RerankRequest {
  std::string model;
  std::string query;
  std::vector<std::string> documents;
  size_t top_n = 0;  // results; at most as many as documents
  bool return_documents = false;
};

// Fields: kRerankFields. Throws ApiError(400) that names the field.
RerankRequest ParseRerankRequest(const Json& body);

// `scores`: one per document, higher is better. The best first; of equal ones, the earlier.
Json RerankJson(const RerankRequest& request, const std::string& id,
                const std::vector<double>& scores, int64_t prompt_tokens);

}  // namespace tael
