// Small helpers for text that comes in and conversations built from it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace tael {

// All of stdin. Throws kExhausted above 1 GiB.
std::string ReadStdin();

// A file, or stdin for "-".
std::string ReadFileOrStdin(const std::string& path);

// {"role": role, "content": content}
Json ChatMessage(std::string_view role, std::string_view content);

}  // namespace tael
