// A JSON value that keeps key order and tells integers from floats, with strict parsing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tael {

class Json;
using JsonArray = std::vector<Json>;
using JsonMember = std::pair<std::string, Json>;
using JsonObject = std::vector<JsonMember>;  // in document order; keys are unique

// A value type: copying copies the whole tree.
class Json {
 public:
  Json() = default;  // null
  // Implicit, so that a literal or a value can stand where JSON is wanted.
  // NOLINTBEGIN(google-explicit-constructor)
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<int64_t>(value)) {}
  Json(int64_t value) : value_(value) {}
  Json(uint64_t value);  // above INT64_MAX: stored as a double
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(JsonArray value) : value_(std::move(value)) {}
  Json(JsonObject value) : value_(std::move(value)) {}
  // NOLINTEND(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_float() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_int() || is_float(); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<JsonArray>(value_); }
  bool is_object() const { return std::holds_alternative<JsonObject>(value_); }
  // "null", "boolean", "integer", "number", "string", "array" or "object", for messages.
  const char* type_name() const;

  // REQUIRES: the value has that type (checked).
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;  // an integer is converted
  const std::string& as_string() const;
  const JsonArray& as_array() const;
  JsonArray& as_array();
  const JsonObject& as_object() const;
  JsonObject& as_object();

  // The member `key` of an object, or nullptr when absent or when this is no object. Linear in the
  // number of members: walk as_object() once for large objects.
  const Json* Find(std::string_view key) const;
  // Replaces or appends a member. REQUIRES: object or null (null becomes an object).
  void Set(std::string_view key, Json value);
  // Appends to an array. REQUIRES: array or null (null becomes an array).
  void Append(Json value);

  bool operator==(const Json& other) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, JsonArray, JsonObject> value_;
};

struct JsonLimits {
  int max_depth = 256;
};

// Parses strict RFC 8259 text (UTF-8, no comments, no NaN, no duplicate keys). `where` names the
// source in messages. Integers beyond int64 become doubles. Throws kCorrupt with the byte offset.
Json ParseJson(std::string_view text, std::string_view where, const JsonLimits& limits = {});

// The whole file. Throws kNotFound or kCorrupt.
Json ReadJsonFile(const std::string& path);

// Text without line breaks, non-ASCII as UTF-8; invalid UTF-8 in strings becomes U+FFFD.
std::string DumpJson(const Json& value);
// The same, indented.
std::string DumpJsonPretty(const Json& value, int indent = 2);

}  // namespace tael
