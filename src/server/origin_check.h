// Which pages and which names a server is open to: what keeps a web page from using a server on the
// loopback address of its reader.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "net/http_message.h"

namespace tael {

class OriginCheck {
 public:
  // As in ServerOptions.
  OriginCheck(std::vector<std::string> host_names, std::vector<std::string> origins);

  // Why the request is refused (403); nullopt: it is not. A Host must be an IP address, localhost
  // or a name that is known, whatever its port (a name of somebody else's that leads here is DNS
  // rebinding). An Origin must be allowed, or be the server itself.
  std::optional<ApiError> Refusal(const HttpRequest& request) const;
  // Headers for a page of an allowed origin; empty without one.
  HttpHeaders HeadersFor(const HttpRequest& request) const;

 private:
  bool IsAllowed(std::string_view origin) const;
  bool IsKnownHost(std::string_view host) const;

  std::vector<std::string> host_names_, origins_;
};

}  // namespace tael
