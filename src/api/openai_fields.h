// The fields of OpenAI's endpoints, and of those that other servers have beside them.
#pragma once

#include "api/field_table.h"

namespace tael {

extern const FieldTable kOpenAiChatFields, kOpenAiStreamOptionFields, kOpenAiMessageFields,
    kOpenAiContentFields, kOpenAiToolFields, kOpenAiFunctionFields, kOpenAiCallFields,
    kOpenAiCalledFields;
extern const FieldTable kOpenAiCompletionFields, kOpenAiEmbeddingFields, kRerankFields,
    kRerankDocumentFields, kTokenizeFields, kDetokenizeFields, kApplyTemplateFields;

}  // namespace tael
