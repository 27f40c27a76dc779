#include "api/responses_fields.h"

namespace tael {
namespace {

constexpr const char* kNobody = "a label for the operator of a service; nothing is kept of it";
constexpr const char* kCache = "prompts are cached by themselves";
constexpr const char* kSentBack = "of answers that are sent back";
constexpr const char* kOwnCalls = "all calls are the model's own";

constexpr FieldRule kRequest[] = {
    Taken("model"),
    Taken("input", "a string or items: message, function_call, function_call_output, reasoning"),
    Taken("instructions", "those of previous_response_id do not count"),
    Taken("previous_response_id"),
    Taken("store", "true when absent"),
    Taken("stream"),
    Taken("stream_options"),
    Taken("temperature", "0 to 2"),
    Taken("top_p"),
    Taken("top_logprobs", "20 at most; with include of message.output_text.logprobs or above 0"),
    Taken("max_output_tokens"),
    Taken("tools", "functions"),
    Taken("tool_choice", "auto or none; others need constrained decoding"),
    Taken("parallel_tool_calls", "false: the answer ends behind its first call"),
    Taken("reasoning"),
    Taken("text"),
    Taken("include",
          "message.output_text.logprobs; reasoning.encrypted_content has no effect, as "
          "reasoning is not encrypted"),
    Taken("metadata", "stored with the response"),
    Taken("truncation", "disabled: what is longer than the context is refused"),
    Refused("background", "responses are made while the client waits"),
    Refused("conversation", "there are none. Use previous_response_id"),
    Refused("prompt", "there are no stored prompts"),
    Refused("context_management", "nothing is compacted"),
    Refused("moderation", "nothing is moderated"),
    Ignored("max_tool_calls", "counts the service's own tools, of which there are none"),
    Ignored("user", kNobody),
    Ignored("safety_identifier", kNobody),
    Ignored("service_tier", "there is one tier"),
    Ignored("prompt_cache_key", kCache),
    Ignored("prompt_cache_retention", kCache),
    Ignored("prompt_cache_options", kCache),
};
constexpr FieldRule kStreamOptions[] = {
    Ignored("include_obfuscation", "no padding is added"),
};
constexpr FieldRule kReasoning[] = {
    Taken("effort", "as reasoning_effort of chat completions"),
    Taken("summary", "auto, concise or detailed: the whole reasoning stands in the summary"),
    Taken("generate_summary", "the older name of summary"),
    Ignored("context", "the chat template decides which reasoning it shows"),
    Ignored("mode", "models have one"),
};
constexpr FieldRule kText[] = {
    Taken("format", "type text; others need constrained decoding"),
    Ignored("verbosity", "a wish that models here were not trained for"),
};
constexpr FieldRule kTool[] = {
    Taken("type", "function"),
    Taken("name"),
    Taken("description"),
    Taken("parameters"),
    Ignored("strict", "the schema is shown to the model, but not enforced"),
    Ignored("output_schema", "templates have no place for it"),
    Refused("defer_loading", "all tools are shown to the model"),
    Refused("allowed_callers", "only the model calls tools", R"(["direct"])"),
};
constexpr FieldRule kMessage[] = {
    Taken("type", "message, or absent"),
    Taken("role", "user, assistant, system, developer (read as system)"),
    Taken("content", "a string or parts of text"),
    Taken("id"),
    Ignored("status", kSentBack),
    Ignored("phase", kSentBack),
};
constexpr FieldRule kPart[] = {
    Taken("type",
          "input_text, output_text, text, refusal; of reasoning reasoning_text, "
          "summary_text"),
    Taken("text"),
    Taken("refusal"),
    Ignored("annotations", kSentBack),
    Ignored("logprobs", kSentBack),
    Ignored("prompt_cache_breakpoint", kCache),
};
constexpr FieldRule kCall[] = {
    Taken("type"),
    Taken("call_id"),
    Taken("name"),
    Taken("arguments", "the text of a JSON object"),
    Taken("id"),
    Ignored("status", kSentBack),
    Ignored("caller", kOwnCalls),
    Ignored("namespace", "tools have their names alone"),
};
constexpr FieldRule kCallOutput[] = {
    Taken("type"),
    Taken("call_id"),
    Taken("output", "a string or parts of text"),
    Taken("id"),
    Ignored("name", "that of the call counts"),
    Ignored("status", kSentBack),
    Ignored("caller", kOwnCalls),
    Ignored("namespace", "tools have their names alone"),
};
constexpr FieldRule kReasoningItem[] = {
    Taken("type"),
    Taken("id"),
    Taken("content"),
    Taken("summary", "read where there is no content"),
    Ignored("encrypted_content", "of other services, which alone read it"),
    Ignored("status", kSentBack),
};

}  // namespace

const FieldTable kResponsesFields{"POST /v1/responses", kRequest};
const FieldTable kResponsesStreamOptionFields{"stream_options (responses)", kStreamOptions};
const FieldTable kResponsesReasoningFields{"reasoning", kReasoning};
const FieldTable kResponsesTextFields{"text", kText};
const FieldTable kResponsesToolFields{"tools[] (responses)", kTool};
const FieldTable kResponsesMessageFields{"an item of type message", kMessage};
const FieldTable kResponsesPartFields{"a part of an item", kPart};
const FieldTable kResponsesCallFields{"an item of type function_call", kCall};
const FieldTable kResponsesCallOutputFields{"an item of type function_call_output", kCallOutput};
const FieldTable kResponsesReasoningItemFields{"an item of type reasoning", kReasoningItem};

}  // namespace tael
