// URLs: taken apart and put together by libcurl, so that what is checked is what is connected to.
#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>

#include "base/error.h"
#include "hub/http_client.h"

namespace tael {
namespace {

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

UrlHandle NewUrl() { return {curl_url(), &curl_url_cleanup}; }

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return "";
  std::string out = text;
  curl_free(text);
  return out;
}

bool HasControl(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

}  // namespace

UrlParts SplitUrl(const std::string& url, std::string_view where) {
  const UrlHandle handle = NewUrl();
  if (HasControl(url) || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    Fail(ErrorCode::kInvalidArgument, "{}: is no URL, needed https://host/path", where);
  }
  UrlParts parts{.scheme = Part(handle.get(), CURLUPART_SCHEME),
                 .host = Part(handle.get(), CURLUPART_HOST),
                 .port = Part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT),
                 .path = Part(handle.get(), CURLUPART_PATH),
                 .query = Part(handle.get(), CURLUPART_QUERY)};
  if (parts.scheme != "http" && parts.scheme != "https") {
    Fail(ErrorCode::kInvalidArgument, "{}: the scheme is '{}', needed https or http", where,
         parts.scheme);
  }
  if (!Part(handle.get(), CURLUPART_USER).empty() ||
      !Part(handle.get(), CURLUPART_PASSWORD).empty()) {
    Fail(
        ErrorCode::kInvalidArgument,
        "{}: there is a user name in this URL. Hint: names and logs keep URLs; give a token by its "
        "environment variable",
        parts.host);
  }
  return parts;
}

std::string ResolveUrl(const std::string& base, const std::string& reference) {
  const UrlHandle handle = NewUrl();
  if (HasControl(reference) ||
      curl_url_set(handle.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK) {
    Fail(ErrorCode::kCorrupt, "{}: the server answers with an address that is no URL",
         SplitUrl(base, "URL").host);
  }
  return Part(handle.get(), CURLUPART_URL);
}

std::string UrlEncode(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos ||
        (c == '/' && keep_slashes)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string UrlFileName(const std::string& url) {
  const UrlHandle handle = NewUrl();
  SplitUrl(url, "URL");
  curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0);
  const std::string path = Part(handle.get(), CURLUPART_PATH);
  const std::string last = path.substr(path.rfind('/') + 1);
  int length = 0;
  char* decoded = curl_easy_unescape(nullptr, last.c_str(), static_cast<int>(last.size()), &length);
  std::string name(decoded != nullptr ? decoded : "",
                   decoded != nullptr ? static_cast<size_t>(length) : 0);
  curl_free(decoded);
  return name;
}

bool IsLoopbackHost(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

std::optional<int64_t> ParseRetryAfter(const std::string& value, int64_t now_unix) {
  int64_t seconds = 0;
  const char* end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, seconds);
  if (error == std::errc() && rest == end) {
    if (seconds < 0) return std::nullopt;
    return seconds;
  }
  const time_t date = curl_getdate(value.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max<int64_t>(0, static_cast<int64_t>(date) - now_unix);
}

}  // namespace tael
