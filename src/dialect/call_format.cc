#include "dialect/call_format.h"

#include <algorithm>

namespace tael {
namespace {

// Bars and blocks of DeepSeek's special tokens are U+FF5C and U+2581.
#define TAEL_BAR "\uff5c"
#define TAEL_BLOCK "\u2581"

constexpr ParameterTags kEqualsTags = {.function_open = "<function=",
                                       .function_name_end = ">",
                                       .function_close = "</function>",
                                       .open = "<parameter=",
                                       .name_end = ">",
                                       .close = "</parameter>"};

constexpr ParameterTags AsQwen(ParameterTags tags) {
  tags.on_own_lines = true;
  tags.may_stand_alone = true;
  return tags;
}

// The string="true" of a parameter is read from its head.
constexpr ParameterTags kDsmlTags = {
    .function_open = "<" TAEL_BAR "DSML" TAEL_BAR "invoke name=\"",
    .function_name_end = "\">",
    .function_close = "</" TAEL_BAR "DSML" TAEL_BAR "invoke>",
    .open = "<" TAEL_BAR "DSML" TAEL_BAR "parameter name=\"",
    .name_end = "\"",
    .head_end = ">",
    .close = "</" TAEL_BAR "DSML" TAEL_BAR "parameter>",
    .guess_types = true,
};

constexpr ParameterTags kSpacedDsmlTags = {
    .function_open = "<" TAEL_BAR "DSML" TAEL_BAR " invoke name=\"",
    .function_name_end = "\">",
    .function_close = "</" TAEL_BAR "DSML" TAEL_BAR " invoke>",
    .open = "<" TAEL_BAR "DSML" TAEL_BAR " parameter name=\"",
    .name_end = "\"",
    .head_end = ">",
    .close = "</" TAEL_BAR "DSML" TAEL_BAR " parameter>",
    .guess_types = true,
};

// Narrow marks first: "<tool_call>" is in many templates that also have more specific ones.
constexpr CallFormat kFormats[] = {
    {.name = "harmony", .marks = {"<|channel|>", "", ""}, .channels = true},
    // DeepSeek V4.1, V4 and V3.2: the same tags under other outer names.
    {.name = "dsml-4.1",
     .marks = {TAEL_BAR "DSML" TAEL_BAR " calls", "", ""},
     .call_opens = {"<" TAEL_BAR "DSML" TAEL_BAR " calls>", "", ""},
     .call_closes = {"</" TAEL_BAR "DSML" TAEL_BAR " calls>", ""},
     .tags = kSpacedDsmlTags,
     .in_reasoning = true},
    {.name = "dsml",
     .marks = {TAEL_BAR "DSML" TAEL_BAR, "", ""},
     .call_opens = {"<" TAEL_BAR "DSML" TAEL_BAR "function_calls>",
                    "<" TAEL_BAR "DSML" TAEL_BAR "tool_calls>", ""},
     .call_closes = {"</" TAEL_BAR "DSML" TAEL_BAR "function_calls>",
                     "</" TAEL_BAR "DSML" TAEL_BAR "tool_calls>"},
     .tags = kDsmlTags,
     .in_reasoning = true},
    // V3 and R1 write KIND, separator, NAME and fenced JSON; V3.1 NAME, separator and JSON.
    {.name = "deepseek",
     .marks = {"<" TAEL_BAR "tool" TAEL_BLOCK "call" TAEL_BLOCK "begin" TAEL_BAR ">", "", ""},
     .section_opens = {"<" TAEL_BAR "tool" TAEL_BLOCK "calls" TAEL_BLOCK "begin" TAEL_BAR ">", ""},
     .section_close = "<" TAEL_BAR "tool" TAEL_BLOCK "calls" TAEL_BLOCK "end" TAEL_BAR ">",
     .call_opens = {"<" TAEL_BAR "tool" TAEL_BLOCK "call" TAEL_BLOCK "begin" TAEL_BAR ">", "", ""},
     .call_closes = {"<" TAEL_BAR "tool" TAEL_BLOCK "call" TAEL_BLOCK "end" TAEL_BAR ">", ""},
     .named = true,
     .part_end = "<" TAEL_BAR "tool" TAEL_BLOCK "sep" TAEL_BAR ">"},
    {.name = "kimi-k2",
     .marks = {"<|tool_call_begin|>", "", ""},
     .section_opens = {"<|tool_calls_section_begin|>", "<|tool_call_section_begin|>"},
     .section_close = "<|tool_calls_section_end|>",
     .call_opens = {"<|tool_call_begin|>", "", ""},
     .call_closes = {"<|tool_call_end|>", ""},
     .named = true,
     .args_open = "<|tool_call_argument_begin|>",
     .name_is_id = true,
     .in_reasoning = true},
    {.name = "minimax-m2",
     .marks = {"<minimax:tool_call>", "", ""},
     .call_opens = {"<minimax:tool_call>", "", ""},
     .call_closes = {"</minimax:tool_call>", ""},
     .tags = {.function_open = "<invoke name=\"",
              .function_name_end = "\">",
              .function_close = "</invoke>",
              .open = "<parameter name=\"",
              .name_end = "\"",
              .head_end = ">",
              .close = "</parameter>",
              .guess_types = true},
     .in_reasoning = true},
    {.name = "seed",
     .marks = {"<seed:tool_call>", "", ""},
     .call_opens = {"<seed:tool_call>", "", ""},
     .call_closes = {"</seed:tool_call>", ""},
     .tags = kEqualsTags},
    {.name = "glm",
     .marks = {"<arg_key>", "", ""},
     .call_opens = {"<tool_call>", "", ""},
     .call_closes = {"</tool_call>", ""},
     .tags = {.open = "<arg_key>",
              .name_end = "</arg_key>",
              .head_end = "<arg_value>",
              .close = "</arg_value>",
              .guess_types = true}},
    // Qwen3-Coder, Qwen3.5, Step 3.5.
    {.name = "qwen3-coder",
     .marks = {"<function=", "", ""},
     .call_opens = {"<tool_call>", "", ""},
     .call_closes = {"</tool_call>", ""},
     .tags = AsQwen(kEqualsTags),
     .in_reasoning = true},
    // A list of objects, or NAME [CALL_ID] ID [ARGS] and an object.
    {.name = "mistral",
     .marks = {"[TOOL_CALLS]", "", ""},
     .call_opens = {"[TOOL_CALLS]", "", ""},
     .named = true,
     .id_open = "[CALL_ID]",
     .args_open = "[ARGS]"},
    {.name = "apertus",
     .marks = {"<|tools_prefix|>", "", ""},
     .call_opens = {"<|tools_prefix|>", "", ""},
     .call_closes = {"<|tools_suffix|>", ""},
     .key_is_name = true},
    {.name = "granite",
     .marks = {"<|tool_call|>", "", ""},
     .call_opens = {"<|tool_call|>", "<tool_call>", ""},
     .call_closes = {"<|/tool_call|>", ""}},
    {.name = "pangu",
     .marks = {"[unused11]", "[unused9]", ""},
     .call_opens = {"[unused11]", "", ""},
     .call_closes = {"[unused12]", ""}},
    // Lists of objects (Hunyuan A13B), objects (MiniMax M1), or NAME and fenced JSON (Hunyuan
    // dense).
    {.name = "tool-calls",
     .marks = {"<tool_calls>", "<" TAEL_BAR "hy_Assistant" TAEL_BAR ">", "<|extra_0|>"},
     .section_opens = {"<tool_calls>", ""},
     .section_close = "</tool_calls>",
     .call_opens = {"<tool_call>", "", ""},
     .call_closes = {"</tool_call>", ""},
     .named = true},
    {.name = "llama4",
     .marks = {"<|python_start|>", "<|header_start|>", ""},
     .call_opens = {"<|python_start|>", "", ""},
     .call_closes = {"<|python_end|>", ""},
     .bare = true},
    {.name = "llama3",
     .marks = {"<|python_tag|>", "Environment: ipython", ""},
     .call_opens = {"<|python_tag|>", "", ""},
     .tags = {.function_open = "<function=",
              .function_name_end = ">",
              .function_close = "</function>",
              .may_stand_alone = true},
     .bare = true},
    // Qwen2.5, Qwen3, QwQ, ERNIE, MiMo, SmolLM3 and most others.
    {.name = "hermes",
     .marks = {"<tool_call>", "", ""},
     .call_opens = {"<tool_call>", "", ""},
     .call_closes = {"</tool_call>", ""}},
};

#undef TAEL_BAR
#undef TAEL_BLOCK

}  // namespace

std::span<const CallFormat> AllCallFormats() { return kFormats; }

const CallFormat* FindCallFormatNamed(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const CallFormat& format) { return format.name == name; });
  return found == std::end(kFormats) ? nullptr : found;
}

const CallFormat* FindCallFormat(std::string_view template_source) {
  for (const CallFormat& format : kFormats) {
    for (const std::string_view mark : format.marks) {
      if (!mark.empty() && template_source.find(mark) != std::string_view::npos) return &format;
    }
  }
  return nullptr;
}

std::string WhyNoCallFormat(std::string_view template_source) {
  const bool takes_tools = template_source.find("tools") != std::string_view::npos;
  std::string reason = takes_tools
                           ? "the chat template takes tools, but shows none of the forms of "
                             "calls that are known:"
                           : "the chat template knows no tools; known forms of calls:";
  for (const CallFormat& format : kFormats) reason += std::string(" ") + format.name;
  return reason;
}

}  // namespace tael
