// The head of a request. Strict: where two readers could take one message for two (request
// smuggling), it is refused. Sources: RFC 9110, RFC 9112.
#pragma once

#include <cstddef>
#include <string_view>

#include "net/http_message.h"

namespace tael {

struct HttpHead {
  HttpRequest request;  // without a body
  size_t content_length = 0;
  bool chunked = false;
  bool expects_continue = false;
};

// `head`: from the request line to the empty line behind the headers, inclusive. Throws HttpError:
// 400 (lines that do not end in CR LF, a method that is no token, blanks around a header's name,
// folded lines, control characters, none or several Host headers in HTTP/1.1, Content-Length that
// is no number below 10^18, repeated, or beside Transfer-Encoding), 417 (an unknown expectation),
// 501 (an unknown method, a Transfer-Encoding other than chunked), 505 (not version 1.0 or 1.1).
HttpHead ParseRequestHead(std::string_view head);

// Throws HttpError(400) unless `line`, without its end, is "NAME: VALUE".
std::pair<std::string_view, std::string_view> ParseHeaderLine(std::string_view line);

}  // namespace tael
