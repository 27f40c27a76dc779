// What an endpoint for completions of prompts is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/sampling_request.h"

namespace tael {

// Text, or the ids of tokens as they are.
using PromptInput = std::variant<std::string, std::vector<int32_t>>;

struct CompletionRequest : SamplingRequest {
  // Each has `choices` answers: that of prompt p with number c is choice p * choices + c.
  std::vector<PromptInput> prompts;
  std::optional<std::string> suffix;  // the answer stands between prompt and suffix
  // The answer begins with the prompt; with log_probs, with those of its tokens.
  bool echo = false;
};

}  // namespace tael
