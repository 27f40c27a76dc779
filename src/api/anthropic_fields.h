// The fields of Anthropic's endpoints.
#pragma once

#include "api/field_table.h"

namespace tael {

extern const FieldTable kAnthropicMessagesFields, kAnthropicCountFields, kAnthropicMessageFields,
    kAnthropicTextFields, kAnthropicThinkingFields, kAnthropicRedactedFields,
    kAnthropicToolUseFields, kAnthropicToolResultFields, kAnthropicToolFields,
    kAnthropicToolChoiceFields, kAnthropicOutputFields;
// Of the field `thinking`, which other APIs take as well.
extern const FieldTable kThinkingFields;

}  // namespace tael
