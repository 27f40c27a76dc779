// Values as Python writes them, turned into JSON text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tael {

// Strings in single, double or triple quotes with their escapes, numbers, True, False, None (and
// JSON's spellings), lists, tuples, dictionaries with string keys. Numbers keep their digits.
// nullopt for anything else, or a nesting of more than 64. Never throws; linear.
std::optional<std::string> PythonLiteralToJson(std::string_view text);

// The inside of the parentheses of a call: name=value, ... as a JSON object. nullopt if there are
// arguments without names.
std::optional<std::string> PythonArgumentsToJson(std::string_view text);

}  // namespace tael
