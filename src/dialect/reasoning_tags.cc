#include "dialect/reasoning_tags.h"

namespace tael {
namespace {

// Narrow marks first: "</think>" is in many templates that also have more specific ones.
constexpr ReasoningTags kDialects[] = {
    // gpt-oss: channels of the Harmony format.
    {.name = "harmony",
     .mark = "<|channel|>analysis",
     .open = "<|channel|>analysis<|message|>",
     .close = "<|end|>",
     .answer_opens = {"<|start|>assistant<|channel|>final<|message|>",
                      "<|channel|>final<|message|>"},
     .forced_close = "<|end|><|start|>assistant<|channel|>final<|message|>",
     .history_key = "thinking",
     .channels = true},
    {.name = "mistral",
     .mark = "[THINK]",
     .open = "[THINK]",
     .close = "[/THINK]",
     .forced_close = "[/THINK]"},
    {.name = "seed",
     .mark = "<seed:think>",
     .open = "<seed:think>",
     .close = "</seed:think>",
     .forced_close = "</seed:think>"},
    {.name = "apertus",
     .mark = "<|inner_prefix|>",
     .open = "<|inner_prefix|>",
     .close = "<|inner_suffix|>",
     .forced_close = "<|inner_suffix|>"},
    {.name = "pangu",
     .mark = "[unused9]",
     .open = "[unused16]",
     .close = "[unused17]",
     .forced_close = "[unused17]",
     .off_words = " /no_think"},
    {.name = "hunyuan",
     .mark = "<\uff5chy_Assistant\uff5c>",
     .open = "<think>",
     .close = "</think>",
     .answer_opens = {"<answer>", ""},
     .answer_close = "</answer>",
     .forced_close = "\n</think>\n<answer>\n"},
    {.name = "hunyuan-a13b",
     .mark = "<|extra_0|>",
     .open = "<think>",
     .close = "</think>",
     .answer_opens = {"<answer>", ""},
     .answer_close = "</answer>",
     .forced_close = "\n</think>\n<answer>\n"},
    {.name = "ernie",
     .mark = "<response>",
     .open = "<think>",
     .close = "</think>",
     .answer_opens = {"<response>", ""},
     .answer_close = "</response>",
     .forced_close = "\n</think>\n\n<response>\n"},
    // Qwen, DeepSeek, GLM, Kimi, MiniMax, SmolLM3 and most others.
    {.name = "think", .mark = "think>", .open = "<think>", .close = "</think>"},
};

}  // namespace

std::span<const ReasoningTags> AllReasoningTags() { return kDialects; }

const ReasoningTags* FindReasoningTags(std::string_view template_source) {
  for (const ReasoningTags& tags : kDialects) {
    if (template_source.find(tags.mark) != std::string_view::npos) return &tags;
  }
  return nullptr;
}

}  // namespace tael
