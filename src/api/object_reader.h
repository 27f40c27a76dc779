// The members of a JSON object in a request, each taken, ignored on purpose, or refused by name.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tael {

// null is absent everywhere. All methods throw ApiError(400) for what the field may not hold.
class ObjectReader {
 public:
  // `path`: of the object, "" for the request itself. Throws unless `json` is an object. `json`
  // must outlive the reader.
  ObjectReader(const Json& json, std::string path);

  // nullptr or nullopt when absent.
  const Json* Take(std::string_view key);
  std::optional<bool> Bool(std::string_view key);
  std::optional<int64_t> Int(std::string_view key, int64_t least, int64_t most);
  std::optional<double> Number(std::string_view key, double least, double most);
  std::optional<std::string> String(std::string_view key);
  const JsonArray* Array(std::string_view key);
  const Json* Object(std::string_view key);

  // Throws (missing_required_parameter) when absent.
  std::string RequiredString(std::string_view key);
  const JsonArray& RequiredArray(std::string_view key);

  // Fields that change nothing here, which the documentation says.
  void Ignore(std::initializer_list<std::string_view> keys);
  // A field that asks for something that is not there. Accepted when it asks for nothing: null,
  // false, "", [], {} or `neutral`.
  void Refuse(std::string_view key, std::string_view why, const Json& neutral = Json());
  // A field that nothing above named is refused.
  void Finish() const;

  // "messages[2].content"
  std::string PathOf(std::string_view key) const;
  [[noreturn]] void Wrong(std::string_view key, const std::string& what) const;

 private:
  [[noreturn]] void WrongType(std::string_view key, const Json& found, const char* needed) const;

  const Json& json_;
  std::string path_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace tael
