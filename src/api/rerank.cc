#include "api/rerank.h"

#include <algorithm>
#include <numeric>

#include "api/openai_fields.h"
#include "api/sampling_fields.h"
#include "base/error.h"

namespace tael {
namespace {

constexpr size_t kMaxDocuments = 2048;

std::string ParseDocument(ObjectReader& reader, const Json& document, size_t index) {
  if (document.is_string()) return document.as_string();
  ObjectReader inner(document, reader.PathOf("documents", index), kRerankDocumentFields);
  std::string text = inner.RequiredString("text");
  inner.Finish();
  return text;
}

}  // namespace

RerankRequest ParseRerankRequest(const Json& body) {
  ObjectReader reader(body, "", kRerankFields);
  RerankRequest request;
  request.model = reader.RequiredString("model");
  request.query = reader.RequiredString("query");
  const JsonArray& documents = reader.RequiredArray("documents");
  if (documents.empty()) reader.Wrong("documents", "is empty, needed one at least");
  if (documents.size() > kMaxDocuments) reader.Wrong("documents", "more than 2048");
  for (const Json& document : documents) {
    request.documents.push_back(ParseDocument(reader, document, request.documents.size()));
  }
  const auto most = static_cast<int64_t>(documents.size());
  request.top_n =
      static_cast<size_t>(std::min(most, reader.Int("top_n", 1, kAnyInt).value_or(most)));
  request.return_documents = reader.Bool("return_documents").value_or(false);
  reader.Finish();
  return request;
}

Json RerankJson(const RerankRequest& request, const std::string& id,
                const std::vector<double>& scores, int64_t prompt_tokens) {
  TAEL_CHECK(scores.size() == request.documents.size());
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(order.size(), request.top_n));
  JsonArray results;
  for (const size_t index : order) {
    Json result;
    result.Set("index", static_cast<int64_t>(index));
    result.Set("relevance_score", scores[index]);
    if (request.return_documents) {
      Json document;
      document.Set("text", request.documents[index]);
      result.Set("document", std::move(document));
    }
    results.push_back(std::move(result));
  }
  Json usage, json;
  usage.Set("prompt_tokens", prompt_tokens);
  usage.Set("total_tokens", prompt_tokens);
  json.Set("id", id);
  json.Set("object", "list");
  json.Set("model", request.model);
  json.Set("results", std::move(results));
  json.Set("usage", std::move(usage));
  return json;
}

}  // namespace tael
