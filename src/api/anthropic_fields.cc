#include "api/anthropic_fields.h"

namespace tael {
namespace {

constexpr const char* kCache = "prompts are cached by themselves";
constexpr const char* kNobody = "a label for the operator of a service; nothing is kept of it";
constexpr const char* kOneTier = "there is one tier and one speed";
constexpr const char* kContext = "nothing is cleared: the chat template decides what it shows";
constexpr const char* kHere = "models run on this machine, and nowhere else";
constexpr const char* kTools = "no tools run on this server";
constexpr const char* kSystem = "a string or blocks of text";
constexpr const char* kChoice = "auto or none; others need constrained decoding";

constexpr FieldRule kMessages[] = {
    Taken("model"),
    Taken("max_tokens", "required"),
    Taken("messages",
          "neighbours of one role are one turn; a last one of the assistant is gone on"),
    Taken("system", kSystem),
    Taken("stop_sequences", "16 texts at most"),
    Taken("stream"),
    Taken("temperature", "0 to 1"),
    Taken("top_p"),
    Taken("top_k"),
    Taken("tools"),
    Taken("tool_choice", kChoice),
    Taken("thinking"),
    Taken("output_config"),
    Ignored("metadata", kNobody),
    Ignored("user_profile_id", kNobody),
    Ignored("workspace_id", kNobody),
    Ignored("cache_control", kCache),
    Ignored("service_tier", kOneTier),
    Ignored("speed", kOneTier),
    Ignored("inference_geo", kHere),
    Ignored("context_management", kContext),
    Ignored("diagnostics", "cache misses are not explained"),
    Refused("container", kTools),
    Refused("mcp_servers", kTools),
};
constexpr FieldRule kCount[] = {
    Taken("model"),
    Taken("messages"),
    Taken("system", kSystem),
    Taken("tools"),
    Taken("tool_choice", kChoice),
    Taken("thinking"),
    Taken("output_config"),
    Ignored("user_profile_id", kNobody),
    Ignored("workspace_id", kNobody),
    Ignored("cache_control", kCache),
    Ignored("speed", kOneTier),
    Ignored("context_management", kContext),
    Refused("mcp_servers", kTools),
};
constexpr FieldRule kMessage[] = {
    Taken("role", "user, assistant or system"),
    Taken("content", "a string or blocks"),
};
constexpr FieldRule kText[] = {
    Taken("type"),
    Taken("text"),
    Ignored("cache_control", kCache),
    Ignored("citations", "of answers that are sent back"),
};
constexpr FieldRule kThought[] = {
    Taken("type"),
    Taken("thinking"),
    Ignored("signature", "thinking is not signed"),
    Ignored("cache_control", kCache),
};
constexpr FieldRule kRedacted[] = {
    Taken("type"),
    Ignored("data", "only Anthropic's models read it: the block is left out"),
};
constexpr FieldRule kToolUse[] = {
    Taken("type"),
    Taken("id"),
    Taken("name"),
    Taken("input"),
    Ignored("cache_control", kCache),
    Ignored("caller", "all calls are the model's own"),
    Ignored("toolset_name", "tools have their names alone"),
};
constexpr FieldRule kToolResult[] = {
    Taken("type"),
    Taken("tool_use_id"),
    Taken("content", "a string or blocks of text"),
    Taken("is_error", "the text that the model reads begins with Error:"),
    Ignored("cache_control", kCache),
    Ignored("toolset_name", "tools have their names alone"),
};
constexpr FieldRule kTool[] = {
    Taken("type", "custom, or absent"),
    Taken("name"),
    Taken("description"),
    Taken("input_schema"),
    Ignored("strict", "the schema is shown to the model, but not enforced"),
    Ignored("cache_control", kCache),
    Ignored("eager_input_streaming", "arguments are always streamed as they are written"),
    Ignored("input_examples", "templates have no place for them"),
    Refused("defer_loading", "all tools are shown to the model"),
    Refused("allowed_callers", "only the model calls tools", R"(["direct"])"),
};
constexpr FieldRule kToolChoice[] = {
    Taken("type", kChoice),
    Taken("disable_parallel_tool_use", "the answer ends behind its first call"),
    Taken("name", "of forced calls, which are refused"),
};
constexpr FieldRule kOutput[] = {
    Taken("effort", "as OpenAI's reasoning_effort"),
    Refused("format", "a schema for answers needs constrained decoding, which is not there yet"),
    Refused("task_budget", "there are no budgets over several requests"),
};
constexpr FieldRule kThinking[] = {
    Taken("type", "enabled, disabled, or adaptive: as the model does by itself"),
    Taken("budget_tokens", "of enabled: then the thinking is closed and the answer begins"),
    Ignored("display", "thinking is always shown whole"),
};

}  // namespace

const FieldTable kAnthropicMessagesFields{"POST /v1/messages", kMessages};
const FieldTable kAnthropicCountFields{"POST /v1/messages/count_tokens", kCount};
const FieldTable kAnthropicMessageFields{"messages[] (Anthropic)", kMessage};
const FieldTable kAnthropicTextFields{"a block of type text", kText};
const FieldTable kAnthropicThinkingFields{"a block of type thinking", kThought};
const FieldTable kAnthropicRedactedFields{"a block of type redacted_thinking", kRedacted};
const FieldTable kAnthropicToolUseFields{"a block of type tool_use", kToolUse};
const FieldTable kAnthropicToolResultFields{"a block of type tool_result", kToolResult};
const FieldTable kAnthropicToolFields{"tools[] (Anthropic)", kTool};
const FieldTable kAnthropicToolChoiceFields{"tool_choice (Anthropic)", kToolChoice};
const FieldTable kAnthropicOutputFields{"output_config", kOutput};
const FieldTable kThinkingFields{"thinking", kThinking};

}  // namespace tael
