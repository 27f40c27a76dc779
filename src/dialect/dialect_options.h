// What the text of one answer is read by.
#pragma once

#include "dialect/call_format.h"
#include "dialect/reasoning_start.h"
#include "dialect/reasoning_tags.h"
#include "dialect/tool_schemas.h"

namespace tael {

struct DialectOptions {
  const ReasoningTags* reasoning = nullptr;  // nullptr = the model does not reason aloud
  ReasoningStart start = ReasoningStart::kClosed;
  const CallFormat* calls = nullptr;   // nullptr = calls are not looked for: their markers are text
  const ToolSchemas* tools = nullptr;  // of the request; nullptr = nothing is known about them
};

}  // namespace tael
