#include "server/origin_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace tael {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// "[::1]:8080" and "localhost:8080" without their port; "" for what has another form.
std::string_view WithoutPort(std::string_view host) {
  const size_t end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  const std::string_view name = host.substr(0, end);
  const std::string_view rest = host.substr(name.size());
  const bool is_port =
      rest.starts_with(':') && rest.find_first_not_of("0123456789", 1) == std::string_view::npos;
  return rest.empty() || is_port ? name : std::string_view();
}

bool IsAddress(std::string_view host) {
  if (host.starts_with('[')) return host.ends_with(']');
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string_view HostOfOrigin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

}  // namespace

OriginCheck::OriginCheck(std::vector<std::string> host_names, std::vector<std::string> origins)
    : host_names_(std::move(host_names)), origins_(std::move(origins)) {
  for (std::string& name : host_names_) name = Lower(name);
  for (std::string& origin : origins_) origin = Lower(origin);
}

bool OriginCheck::IsKnownHost(std::string_view host) const {
  const std::string name = Lower(WithoutPort(host));
  if (IsAddress(name) || name == "localhost" || name.ends_with(".localhost")) return true;
  return std::find(host_names_.begin(), host_names_.end(), name) != host_names_.end();
}

bool OriginCheck::IsAllowed(std::string_view origin) const {
  const std::string lower = Lower(origin);
  return std::any_of(origins_.begin(), origins_.end(), [&](const std::string& allowed) {
    return allowed == "*" || allowed == lower;
  });
}

std::optional<ApiError> OriginCheck::Refusal(const HttpRequest& request) const {
  const std::string* host = request.Find("Host");
  if (host != nullptr && !IsKnownHost(*host)) {
    return ApiError(403, "host_not_allowed", "",
                    fmt::format("Host: '{}' is no name of this server. Hint: --host-name adds one",
                                host->substr(0, 200)));
  }
  const std::string* origin = request.Find("Origin");
  if (origin == nullptr || IsAllowed(*origin)) return std::nullopt;
  if (host != nullptr && Lower(HostOfOrigin(*origin)) == Lower(*host)) return std::nullopt;
  return ApiError(403, "origin_not_allowed", "",
                  fmt::format("Origin: pages of '{}' may not call this server. Hint: --origin "
                              "allows one",
                              origin->substr(0, 200)));
}

HttpHeaders OriginCheck::HeadersFor(const HttpRequest& request) const {
  const std::string* origin = request.Find("Origin");
  if (origin == nullptr || !IsAllowed(*origin)) return {};
  return {{"Access-Control-Allow-Origin", *origin},
          {"Vary", "Origin"},
          {"Access-Control-Expose-Headers", "x-request-id, Retry-After"}};
}

}  // namespace tael
