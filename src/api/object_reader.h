// The members of a JSON object in a request, each taken, ignored on purpose, or refused by name.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "api/field_table.h"
#include "base/json.h"

namespace tael {

// null is absent everywhere. All methods throw ApiError(400) for what the field may not hold.
class ObjectReader {
 public:
  // `path`: of the object, "" for the request itself. Throws unless `json` is an object of which
  // `table` knows every member and refuses none. Both must outlive the reader.
  ObjectReader(const Json& json, std::string path, const FieldTable& table);

  // nullptr or nullopt when absent. REQUIRES: the table has `key` as taken.
  const Json* Take(std::string_view key);
  std::optional<bool> Bool(std::string_view key);
  std::optional<int64_t> Int(std::string_view key, int64_t least, int64_t most);
  std::optional<double> Number(std::string_view key, double least, double most);
  std::optional<std::string> String(std::string_view key);
  const JsonArray* Array(std::string_view key);
  const Json* Object(std::string_view key);

  // Throw (missing_required_parameter) when absent.
  std::string RequiredString(std::string_view key);
  const JsonArray& RequiredArray(std::string_view key);
  const Json& RequiredObject(std::string_view key);
  const Json& Required(std::string_view key, const char* needed);

  // Throws (unknown_parameter) for members that nothing above asked for: they are fields of the
  // schema, but not beside the others.
  void Finish() const;

  // "messages[2].content"
  std::string PathOf(std::string_view key) const;
  // "messages[2].content[0]"
  std::string PathOf(std::string_view key, size_t index) const;
  [[noreturn]] void Wrong(std::string_view key, const std::string& what) const;
  // Code unsupported_value: it would mean something, elsewhere.
  [[noreturn]] void Unsupported(std::string_view key, const std::string& what) const;

 private:
  [[noreturn]] void WrongType(std::string_view key, const Json& found, const char* needed) const;

  [[noreturn]] void Unknown(std::string_view key, const char* what) const;
  void CheckRefused(const FieldRule& rule, const Json& value) const;

  const Json& json_;
  std::string path_;
  const FieldTable& table_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace tael
