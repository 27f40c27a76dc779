#include "api/prompt_inputs.h"

#include <fmt/format.h>

#include <limits>

namespace tael {

std::vector<int32_t> ParseTokenIds(ObjectReader& reader, std::string_view key, const Json& list) {
  std::vector<int32_t> ids;
  ids.reserve(list.as_array().size());
  for (const Json& id : list.as_array()) {
    if (!id.is_int() || id.as_int() < 0 || id.as_int() > std::numeric_limits<int32_t>::max()) {
      reader.Wrong(key, fmt::format("needed token ids, number {} is none", ids.size()));
    }
    ids.push_back(static_cast<int32_t>(id.as_int()));
  }
  if (ids.empty()) reader.Wrong(key, "needed one token id at least");
  return ids;
}

std::vector<PromptInput> ParsePromptInputs(ObjectReader& reader, std::string_view key,
                                           size_t most) {
  const Json& value = reader.Required(key, "a string, strings or token ids");
  if (value.is_string()) return {value.as_string()};
  if (!value.is_array()) reader.Wrong(key, "needed a string, strings or token ids");
  const JsonArray& list = value.as_array();
  if (list.empty()) reader.Wrong(key, "is empty, needed one at least");
  if (list[0].is_number()) return {ParseTokenIds(reader, key, value)};
  if (list.size() > most) {
    reader.Wrong(key, fmt::format("{} of them, at most {} are taken", list.size(), most));
  }
  std::vector<PromptInput> inputs;
  inputs.reserve(list.size());
  for (const Json& entry : list) {
    if (entry.is_string()) {
      inputs.emplace_back(entry.as_string());
    } else if (entry.is_array()) {
      inputs.emplace_back(ParseTokenIds(reader, key, entry));
    } else {
      reader.Wrong(key, fmt::format("number {} is neither a text nor token ids", inputs.size()));
    }
  }
  return inputs;
}

}  // namespace tael
