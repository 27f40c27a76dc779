// All parsers of requests, by the path of their endpoint.
#pragma once

#include "api/anthropic_fields.h"
#include "api/anthropic_request.h"
#include "api/embeddings.h"
#include "api/ollama_embeddings.h"
#include "api/ollama_fields.h"
#include "api/ollama_models.h"
#include "api/ollama_request.h"
#include "api/openai_chat_request.h"
#include "api/openai_completion_request.h"
#include "api/openai_fields.h"
#include "api/rerank.h"
#include "api/responses_fields.h"
#include "api/responses_request.h"
#include "api/tokenization.h"

namespace tael {

struct ApiParser {
  const char* path;
  const FieldTable* fields;
  void (*parse)(const Json& body);  // throws ApiError, and nothing else
};

inline constexpr ApiParser kApiParsers[] = {
    {"/v1/chat/completions", &kOpenAiChatFields,
     [](const Json& body) { ParseOpenAiChatRequest(body); }},
    {"/v1/completions", &kOpenAiCompletionFields,
     [](const Json& body) { ParseOpenAiCompletionRequest(body); }},
    {"/v1/responses", &kResponsesFields,
     [](const Json& body) {
       const ResponseRequest request = ParseResponsesRequest(body);
       if (request.previous) ResponseMessages(request, {});
     }},
    {"/v1/embeddings", &kOpenAiEmbeddingFields,
     [](const Json& body) { ParseOpenAiEmbeddingRequest(body); }},
    {"/v1/rerank", &kRerankFields, [](const Json& body) { ParseRerankRequest(body); }},
    {"/tokenize", &kTokenizeFields, [](const Json& body) { ParseTokenizeRequest(body); }},
    {"/detokenize", &kDetokenizeFields, [](const Json& body) { ParseDetokenizeRequest(body); }},
    {"/apply-template", &kApplyTemplateFields,
     [](const Json& body) { ParseApplyTemplateRequest(body); }},
    {"/v1/messages", &kAnthropicMessagesFields,
     [](const Json& body) { ParseAnthropicRequest(body); }},
    {"/v1/messages/count_tokens", &kAnthropicCountFields,
     [](const Json& body) { ParseAnthropicCountRequest(body); }},
    {"/api/chat", &kOllamaChatFields, [](const Json& body) { ParseOllamaChatRequest(body); }},
    {"/api/generate", &kOllamaGenerateFields,
     [](const Json& body) { ParseOllamaGenerateRequest(body); }},
    {"/api/embed", &kOllamaEmbedFields, [](const Json& body) { ParseOllamaEmbedRequest(body); }},
    {"/api/embeddings", &kOllamaEmbeddingsFields,
     [](const Json& body) { ParseOllamaEmbeddingsRequest(body); }},
    {"/api/show", &kOllamaShowFields, [](const Json& body) { ParseOllamaShowRequest(body); }},
    {"/api/pull", &kOllamaPullFields, [](const Json& body) { ParseOllamaPullRequest(body); }},
};

}  // namespace tael
