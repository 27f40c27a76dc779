// The fields of Anthropic's endpoints.
#pragma once

#include "api/field_table.h"

namespace tael {

extern const FieldTable kThinkingFields;

}  // namespace tael
