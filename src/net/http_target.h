// What stands in a request's target and in Content-Type, understood strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_message.h"

namespace tael {

// "%41" becomes "A". Throws HttpError(400): an escape that is none, a NUL, no UTF-8.
std::string PercentDecoded(std::string_view text);

// "a=1&b=x+y" to {a, 1}, {b, x y}: '+' is a blank, names and values are decoded, a name without
// '=' has an empty value, empty parts are left out. Throws HttpError(400): as above, and a name
// that comes twice.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);

// Of Content-Type.
struct MediaType {
  std::string type;  // "application/json", in small letters
  std::vector<std::pair<std::string, std::string>> parameters;  // names in small letters

  // nullptr when it is not there. `name`: in small letters.
  const std::string* Find(std::string_view name) const;
};

// Values may be quoted. None when it is no media type (RFC 9110, 8.3.1), or names a parameter
// twice.
std::optional<MediaType> ParseMediaType(std::string_view value);

// Whether a body of that Content-Type is JSON: application/json, or application/ANY+json, in UTF-8.
bool IsJson(const MediaType& type);

}  // namespace tael
