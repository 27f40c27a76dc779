#include "net/http_message.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <ostream>  // IWYU pragma: keep; Boost.Core prints string_view

#include "net/http_text.h"

namespace tael {

const std::string* FindHeader(const HttpHeaders& headers, std::string_view name) {
  const auto same = [&](const auto& header) { return SameWord(header.first, name); };
  const auto found = std::find_if(headers.begin(), headers.end(), same);
  return found == headers.end() ? nullptr : &found->second;
}

std::string_view StatusName(int status) {
  namespace http = boost::beast::http;
  const http::status known = http::int_to_status(static_cast<unsigned>(status));
  if (known == http::status::unknown) return "";
  const auto text = http::obsolete_reason(known);
  return {text.data(), text.size()};
}

}  // namespace tael
