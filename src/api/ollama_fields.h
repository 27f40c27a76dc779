// The fields of Ollama's endpoints.
#pragma once

#include "api/field_table.h"

namespace tael {

extern const FieldTable kOllamaChatFields, kOllamaGenerateFields, kOllamaMessageFields,
    kOllamaCallFields, kOllamaCalledFields, kOllamaToolFields, kOllamaOptionFields,
    kOllamaEmbedFields, kOllamaEmbeddingsFields, kOllamaShowFields, kOllamaPullFields;

}  // namespace tael
