#include "api/anthropic_fields.h"

namespace tael {
namespace {

constexpr FieldRule kThinking[] = {
    Taken("type", "enabled, disabled, or adaptive: as the model does by itself"),
    Taken("budget_tokens", "of enabled: then the thinking is closed and the answer begins"),
    Ignored("display", "thinking is always shown whole"),
};

}  // namespace

const FieldTable kThinkingFields{"thinking", kThinking};

}  // namespace tael
