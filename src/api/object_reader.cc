#include "api/object_reader.h"

#include <fmt/format.h>

#include "api/api_error.h"
#include "base/error.h"

namespace tael {
namespace {

bool AsksForNothing(const Json& value) {
  return value.is_null() || value == Json(false) || value == Json("") ||
         (value.is_array() && value.as_array().empty()) ||
         (value.is_object() && value.as_object().empty());
}

}  // namespace

ObjectReader::ObjectReader(const Json& json, std::string path, const FieldTable& table)
    : json_(json), path_(std::move(path)), table_(table) {
  if (!json.is_object()) {
    throw ApiError(400, "invalid_type", path_,
                   fmt::format("{}: needed an object, found {}",
                               path_.empty() ? "the body" : path_.c_str(), json.type_name()));
  }
  for (const auto& [key, value] : json.as_object()) {
    if (value.is_null()) continue;
    const FieldRule* rule = table_.Find(key);
    if (rule == nullptr) Unknown(key, "is no field that is known here");
    if (rule->use == FieldUse::kRefused) CheckRefused(*rule, value);
  }
}

void ObjectReader::CheckRefused(const FieldRule& rule, const Json& value) const {
  if (AsksForNothing(value)) return;
  if (*rule.neutral != '\0' && value == ParseJson(rule.neutral, "neutral value")) return;
  throw ApiError(400, "unsupported_parameter", PathOf(rule.name),
                 fmt::format("{}: {}. Hint: leave it out", PathOf(rule.name), rule.note));
}

void ObjectReader::Unknown(std::string_view key, const char* what) const {
  const std::string path = PathOf(key.substr(0, 100));
  throw ApiError(400, "unknown_parameter", path,
                 fmt::format("{}: {}. Hint: check its spelling, or leave it out", path, what));
}

std::string ObjectReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::string ObjectReader::PathOf(std::string_view key, size_t index) const {
  return fmt::format("{}[{}]", PathOf(key), index);
}

void ObjectReader::Wrong(std::string_view key, const std::string& what) const {
  throw ApiError(400, "invalid_value", PathOf(key), fmt::format("{}: {}", PathOf(key), what));
}

void ObjectReader::Unsupported(std::string_view key, const std::string& what) const {
  throw ApiError(400, "unsupported_value", PathOf(key), fmt::format("{}: {}", PathOf(key), what));
}

void ObjectReader::WrongType(std::string_view key, const Json& found, const char* needed) const {
  throw ApiError(400, "invalid_type", PathOf(key),
                 fmt::format("{}: needed {}, found {}", PathOf(key), needed, found.type_name()));
}

const Json* ObjectReader::Take(std::string_view key) {
  const FieldRule* rule = table_.Find(key);
  TAEL_CHECK(rule != nullptr && rule->use == FieldUse::kTaken);
  seen_.emplace(key);
  const Json* value = json_.Find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<bool> ObjectReader::Bool(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) WrongType(key, *value, "true or false");
  return value->as_bool();
}

std::optional<int64_t> ObjectReader::Int(std::string_view key, int64_t least, int64_t most) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int()) WrongType(key, *value, "an integer");
  if (value->as_int() < least || value->as_int() > most) {
    Wrong(key, fmt::format("is {}, needed {} to {}", value->as_int(), least, most));
  }
  return value->as_int();
}

std::optional<double> ObjectReader::Number(std::string_view key, double least, double most) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) WrongType(key, *value, "a number");
  const double number = value->as_double();
  if (!(number >= least && number <= most)) {
    Wrong(key, fmt::format("is {}, needed {} to {}", number, least, most));
  }
  return number;
}

std::optional<std::string> ObjectReader::String(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) WrongType(key, *value, "a string");
  return value->as_string();
}

const JsonArray* ObjectReader::Array(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) WrongType(key, *value, "an array");
  return &value->as_array();
}

const Json* ObjectReader::Object(std::string_view key) {
  const Json* value = Take(key);
  if (value != nullptr && !value->is_object()) WrongType(key, *value, "an object");
  return value;
}

const Json& ObjectReader::Required(std::string_view key, const char* needed) {
  const Json* value = Take(key);
  if (value != nullptr) return *value;
  throw ApiError(400, "missing_required_parameter", PathOf(key),
                 fmt::format("{}: is missing, needed {}", PathOf(key), needed));
}

std::string ObjectReader::RequiredString(std::string_view key) {
  Required(key, "a string");
  return *String(key);
}

const JsonArray& ObjectReader::RequiredArray(std::string_view key) {
  Required(key, "an array");
  return *Array(key);
}

const Json& ObjectReader::RequiredObject(std::string_view key) {
  Required(key, "an object");
  return *Object(key);
}

void ObjectReader::Finish() const {
  for (const auto& [key, value] : json_.as_object()) {
    if (value.is_null() || table_.Find(key)->use != FieldUse::kTaken) continue;
    if (!seen_.contains(key)) Unknown(key, "does not belong here, beside the other fields");
  }
}

}  // namespace tael
