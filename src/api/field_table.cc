#include "api/field_table.h"

#include "api/anthropic_fields.h"
#include "api/ollama_fields.h"
#include "api/openai_fields.h"
#include "api/responses_fields.h"

namespace tael {

const FieldRule* FieldTable::Find(std::string_view name) const {
  for (const FieldRule& rule : rules) {
    if (name == rule.name) return &rule;
  }
  return nullptr;
}

std::span<const FieldTable* const> AllFieldTables() {
  static constexpr const FieldTable* kAll[] = {
      &kOpenAiChatFields,
      &kOpenAiStreamOptionFields,
      &kOpenAiMessageFields,
      &kOpenAiContentFields,
      &kOpenAiToolFields,
      &kOpenAiFunctionFields,
      &kOpenAiCallFields,
      &kOpenAiCalledFields,
      &kOpenAiCompletionFields,
      &kOpenAiEmbeddingFields,
      &kRerankFields,
      &kRerankDocumentFields,
      &kTokenizeFields,
      &kDetokenizeFields,
      &kApplyTemplateFields,
      &kThinkingFields,
      &kAnthropicMessagesFields,
      &kAnthropicCountFields,
      &kAnthropicMessageFields,
      &kAnthropicTextFields,
      &kAnthropicThinkingFields,
      &kAnthropicRedactedFields,
      &kAnthropicToolUseFields,
      &kAnthropicToolResultFields,
      &kAnthropicToolFields,
      &kAnthropicToolChoiceFields,
      &kAnthropicOutputFields,
      &kOllamaChatFields,
      &kOllamaGenerateFields,
      &kOllamaMessageFields,
      &kOllamaCallFields,
      &kOllamaCalledFields,
      &kOllamaToolFields,
      &kOllamaOptionFields,
      &kOllamaEmbedFields,
      &kOllamaEmbeddingsFields,
      &kOllamaShowFields,
      &kOllamaPullFields,
      &kResponsesFields,
      &kResponsesStreamOptionFields,
      &kResponsesReasoningFields,
      &kResponsesTextFields,
      &kResponsesToolFields,
      &kResponsesMessageFields,
      &kResponsesPartFields,
      &kResponsesCallFields,
      &kResponsesCallOutputFields,
      &kResponsesReasoningItemFields,
  };
  return kAll;
}

}  // namespace tael
