// HTTP and HTTPS requests: the one place that knows libcurl.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tael {

// What all requests of a client share. Certificates are always checked; proxies come from the usual
// variables (https_proxy, no_proxy, ...).
struct HttpClientOptions {
  std::string ca_file;  // PEM file of trusted roots; "" = the system's
  std::string user_agent = "tael";
  int connect_seconds = 20;
  int silence_seconds = 30;  // an answer slower than 1 KiB/s for so long is given up
};

struct ByteRange {
  int64_t first = 0, last = 0;  // both included
};

struct HttpFetch {
  std::string url = {};                          // http or https, no user name in it
  std::vector<std::string> headers = {};         // "Name: value"
  std::vector<std::string> secret_headers = {};  // the same, for the origin of `url` only
  std::optional<ByteRange> range = {};
  std::string if_range = {};  // ETag of what the range is a part of; "" = none
  bool same_origin = false;   // redirects to other origins are refused
};

// Names in lower case, in the order of arrival.
class HttpFields {
 public:
  // The last value of that name (lower case), or nullopt.
  std::optional<std::string> Find(std::string_view name) const;
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void Clear() { fields_.clear(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpReply {
  int status = 0;
  std::string url;    // after all redirects
  HttpFields fields;  // of the last answer
  HttpFields first;   // of the first one: the same without a redirect
};

// Receives the last answer. Errors may be thrown from both; they end the request and come out of
// Get().
struct HttpSink {
  std::function<void(const HttpReply&)> on_head;
  // False: enough was read. Called for answers of 200 and 206 only.
  std::function<bool(std::span<const uint8_t>)> on_body;
};

// One connection at a time, kept for the next request. Not thread-safe.
class HttpClient {
 public:
  // A request ends with kUnavailable soon after `*cancelled` became true. It may be null.
  explicit HttpClient(const HttpClientOptions& options,
                      const std::atomic<bool>* cancelled = nullptr);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Follows up to 8 redirects; secret headers stay with the first origin, and nothing leads from
  // https to http. Whatever status the last answer has is returned. Throws kUnavailable when trying
  // again may help (no connection, cut, too slow), kCorrupt (certificate, redirects), kUnsupported.
  HttpReply Get(const HttpFetch& fetch, const HttpSink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The parts of an http or https URL. Throws kInvalidArgument (no such URL, other schemes, a user
// name in it: it would be a secret in names and logs). `where` names the source in messages.
struct UrlParts {
  std::string scheme, host, port, path, query;  // path decoded is UrlFileName()'s business
  std::string Origin() const { return scheme + "://" + host + ":" + port; }
};
UrlParts SplitUrl(const std::string& url, std::string_view where);
// `reference` as it stands in an answer from `base`. Throws kCorrupt.
std::string ResolveUrl(const std::string& base, const std::string& reference);
// Percent-encodes all but letters, digits and -._~ (and '/', if `keep_slashes`).
std::string UrlEncode(std::string_view text, bool keep_slashes = false);
// Last component of the URL's path, decoded: "m.gguf" of "https://h/a/m.gguf?x". Throws
// kInvalidArgument.
std::string UrlFileName(const std::string& url);
// Whether the host is this machine, by its name or address.
bool IsLoopbackHost(std::string_view host);

// Seconds of a Retry-After value: a number or a date. nullopt when it is neither.
std::optional<int64_t> ParseRetryAfter(const std::string& value, int64_t now_unix);

}  // namespace tael
