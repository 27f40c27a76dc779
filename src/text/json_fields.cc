// Reads and refusals shared by all components of tokenizer.json.
#include "text/json_fields.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace tael {

JsonFields::JsonFields(const Json& object, std::string where, std::string what)
    : object_(object), where_(std::move(where)), what_(std::move(what)) {
  if (!object.is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: {} is of type {}, needed an object", where_, what_,
         object.type_name());
  }
}

void JsonFields::WrongType(std::string_view key, const Json& found, std::string_view needed) const {
  Fail(ErrorCode::kCorrupt, "{}: '{}' of {} is of type {}, needed {}", where_, key, what_,
       found.type_name(), needed);
}

const Json* JsonFields::Optional(std::string_view key) const {
  const Json* value = object_.Find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Json& JsonFields::Required(std::string_view key) const {
  const Json* value = Optional(key);
  if (value == nullptr) Fail(ErrorCode::kCorrupt, "{}: {} has no '{}'", where_, what_, key);
  return *value;
}

std::string JsonFields::Text(std::string_view key) const {
  const Json& value = Required(key);
  if (!value.is_string()) WrongType(key, value, "a string");
  return value.as_string();
}

bool JsonFields::Flag(std::string_view key, bool fallback) const {
  const Json* value = Optional(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) WrongType(key, *value, "a boolean");
  return value->as_bool();
}

int64_t JsonFields::Integer(std::string_view key, int64_t fallback) const {
  const Json* value = Optional(key);
  if (value == nullptr) return fallback;
  if (!value->is_int()) WrongType(key, *value, "an integer");
  return value->as_int();
}

const JsonArray& JsonFields::Array(std::string_view key) const {
  const Json& value = Required(key);
  if (!value.is_array()) WrongType(key, value, "an array");
  return value.as_array();
}

void JsonFields::AllowOnly(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : object_.as_object()) {
    if (key == "type" || std::find(known.begin(), known.end(), key) != known.end()) continue;
    Fail(ErrorCode::kUnsupported, "{}: {} has an unknown option '{}'. Known: {}", where_, what_,
         key.substr(0, 100), fmt::join(known, ", "));
  }
}

std::string ComponentType(const Json& value, std::string_view where, std::string_view kind) {
  const Json* type = value.Find("type");
  if (type == nullptr || !type->is_string()) {
    Fail(ErrorCode::kCorrupt, "{}: a {} without a 'type'", where, kind);
  }
  return type->as_string();
}

void FailUnknownComponent(std::string_view where, std::string_view kind, std::string_view type,
                          std::string_view known) {
  Fail(ErrorCode::kUnsupported, "{}: unknown {} '{}'. Known: {}", where, kind, type.substr(0, 100),
       known);
}

PatternField ReadPattern(const JsonFields& fields) {
  const Json& pattern = fields.Required("pattern");
  if (pattern.is_string()) return {false, pattern.as_string()};
  const Json* text = pattern.Find("String");
  const Json* regex = pattern.Find("Regex");
  const Json* found = text != nullptr ? text : regex;
  if (found == nullptr || !found->is_string()) {
    Fail(ErrorCode::kCorrupt,
         "{}: the pattern of {} must be {{\"String\": ...}} or "
         "{{\"Regex\": ...}}",
         fields.where(), fields.what());
  }
  return {text == nullptr, found->as_string()};
}

}  // namespace tael
