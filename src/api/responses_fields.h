// The fields of POST /v1/responses.
#pragma once

#include "api/field_table.h"

namespace tael {

extern const FieldTable kResponsesFields, kResponsesStreamOptionFields, kResponsesReasoningFields,
    kResponsesTextFields, kResponsesToolFields, kResponsesMessageFields, kResponsesPartFields,
    kResponsesCallFields, kResponsesCallOutputFields, kResponsesReasoningItemFields;

}  // namespace tael
