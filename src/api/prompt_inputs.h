// Fields that hold one text, several, or token ids.
#pragma once

#include <vector>

#include "api/completion_request.h"
#include "api/object_reader.h"

namespace tael {

// A string, strings, ids, or lists of ids: 1 to `most`. Throws when one is missing, and for a list
// of ids that is empty.
std::vector<PromptInput> ParsePromptInputs(ObjectReader& reader, std::string_view key, size_t most);
// Token ids: not negative, below 2^31.
std::vector<int32_t> ParseTokenIds(ObjectReader& reader, std::string_view key, const Json& list);

}  // namespace tael
