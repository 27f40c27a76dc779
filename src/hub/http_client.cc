#include "hub/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <mutex>

#include "base/error.h"

namespace tael {
namespace {

constexpr int kMaxRedirects = 8;
constexpr size_t kMaxHeaderBytes = 256 << 10;

// libcurl wants to be initialised before its first use, once per process.
void InitialiseCurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A handle's list of request headers.
class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void Add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

bool IsCertificateError(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

}  // namespace

std::optional<std::string> HttpFields::Find(std::string_view name) const {
  for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
    if (field->first == name) return field->second;
  }
  return std::nullopt;
}

struct HttpClient::Impl {
  HttpClientOptions options;
  const std::atomic<bool>* cancelled = nullptr;
  CURL* curl = nullptr;
  char error_text[CURL_ERROR_SIZE] = {};

  // Of the request that runs.
  const HttpSink* sink = nullptr;
  HttpReply reply;
  size_t header_bytes = 0;
  bool head_given = false, enough = false;
  std::exception_ptr thrown;

  bool Cancelled() const { return cancelled != nullptr && cancelled->load(); }
  void GiveHead();
  bool OnHeaderLine(std::string_view line);
  bool OnBody(std::span<const uint8_t> bytes);
  void SetUp();
  void Perform(const std::string& url, const HttpFetch& fetch, bool with_secrets);
  [[noreturn]] void Failed(CURLcode code, const std::string& url);

  // The callbacks are C: an exception must not pass through them.
  template <typename F>
  size_t Guarded(size_t size, F&& work) {
    try {
      return work() ? size : 0;
    } catch (...) {
      thrown = std::current_exception();
      return 0;
    }
  }
  static size_t HeaderCallback(char* data, size_t size, size_t count, void* self) {
    auto* impl = static_cast<Impl*>(self);
    return impl->Guarded(size * count, [&] { return impl->OnHeaderLine({data, size * count}); });
  }
  static size_t BodyCallback(char* data, size_t size, size_t count, void* self) {
    auto* impl = static_cast<Impl*>(self);
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(data), size * count);
    return impl->Guarded(size * count, [&] { return impl->OnBody(bytes); });
  }
  static int TickCallback(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Impl*>(self)->Cancelled() ? 1 : 0;
  }
};

bool HttpClient::Impl::OnHeaderLine(std::string_view line) {
  header_bytes += line.size();
  if (header_bytes > kMaxHeaderBytes) {
    Fail(ErrorCode::kCorrupt, "{}: the head of the answer is larger than {} bytes",
         SplitUrl(reply.url, "URL").host, kMaxHeaderBytes);
  }
  if (line.starts_with("HTTP/")) {  // the first line of an answer, maybe after one of 1xx
    reply.fields.Clear();
    return true;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string name(line.substr(0, colon));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  reply.fields.Add(std::move(name), Trimmed(line.substr(colon + 1)));
  return true;
}

void HttpClient::Impl::GiveHead() {
  if (head_given) return;
  head_given = true;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  if (!IsRedirect(reply.status) && sink->on_head) sink->on_head(reply);
}

bool HttpClient::Impl::OnBody(std::span<const uint8_t> bytes) {
  GiveHead();
  if (Cancelled()) return false;
  if ((reply.status != 200 && reply.status != 206) || !sink->on_body) return true;
  enough = !sink->on_body(bytes);
  return !enough;
}

void HttpClient::Impl::SetUp() {
  curl_easy_reset(curl);
  error_text[0] = '\0';
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // Get() does, and decides about secrets
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_seconds));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.silence_seconds));
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &HeaderCallback);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &BodyCallback);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &TickCallback);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
}

void HttpClient::Impl::Perform(const std::string& url, const HttpFetch& fetch, bool with_secrets) {
  SetUp();
  HeaderList headers;
  for (const std::string& header : fetch.headers) headers.Add(header);
  if (with_secrets) {
    for (const std::string& header : fetch.secret_headers) headers.Add(header);
  }
  if (!fetch.if_range.empty()) headers.Add("If-Range: " + fetch.if_range);
  if (fetch.range) {
    const std::string range = fmt::format("{}-{}", fetch.range->first, fetch.range->last);
    curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  reply.status = 0;
  reply.url = url;
  reply.fields.Clear();
  header_bytes = 0;
  head_given = enough = false;
  thrown = nullptr;
  const CURLcode code = curl_easy_perform(curl);
  if (thrown) std::rethrow_exception(thrown);
  if (code != CURLE_OK && !enough) Failed(code, url);
  GiveHead();  // an answer without a body
}

void HttpClient::Impl::Failed(CURLcode code, const std::string& url) {
  const std::string host = SplitUrl(url, "URL").host;
  if (Cancelled()) Fail(ErrorCode::kUnavailable, "{}: cancelled", host);
  const std::string reason = error_text[0] != '\0' ? error_text : curl_easy_strerror(code);
  if (IsCertificateError(code)) {
    Fail(
        ErrorCode::kCorrupt,
        "{}: the server's certificate was not accepted: {}. Hint: certificates are always checked; "
        "SSL_CERT_FILE names a file with the roots of a private authority",
        host, reason);
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    Fail(ErrorCode::kInvalidArgument, "{}: {}", host, reason);
  }
  Fail(ErrorCode::kUnavailable,
       "{}: {}. Hint: check the network; https_proxy names a proxy, HF_ENDPOINT or "
       "MODELSCOPE_ENDPOINT a mirror",
       host, reason);
}

HttpClient::HttpClient(const HttpClientOptions& options, const std::atomic<bool>* cancelled)
    : impl_(std::make_unique<Impl>()) {
  InitialiseCurl();
  impl_->options = options;
  impl_->cancelled = cancelled;
  impl_->curl = curl_easy_init();
  if (impl_->curl == nullptr) Fail(ErrorCode::kUnavailable, "HTTP: libcurl cannot be started");
}

HttpClient::~HttpClient() { curl_easy_cleanup(impl_->curl); }

HttpReply HttpClient::Get(const HttpFetch& fetch, const HttpSink& sink) {
  impl_->sink = &sink;
  impl_->reply = {};
  std::string url = fetch.url;
  const std::string first_origin = SplitUrl(url, "URL").Origin();
  bool with_secrets = true;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    if (impl_->Cancelled()) Fail(ErrorCode::kUnavailable, "cancelled");
    impl_->Perform(url, fetch, with_secrets);
    HttpReply& reply = impl_->reply;
    if (hop == 0) reply.first = reply.fields;
    const auto location = reply.fields.Find("location");
    if (!IsRedirect(reply.status) || !location) return std::move(reply);
    const UrlParts from = SplitUrl(url, "URL");
    url = ResolveUrl(url, *location);
    const UrlParts to = SplitUrl(url, from.host + " redirects; its target");
    if (from.scheme == "https" && to.scheme != "https") {
      Fail(ErrorCode::kCorrupt,
           "{}: redirects from https to http at {}, which is refused: anybody on the way could "
           "change what arrives",
           from.host, to.host);
    }
    if (to.Origin() != first_origin) {
      if (fetch.same_origin) {
        Fail(ErrorCode::kCorrupt,
             "{}: redirects a request for data about the model to {}, which is refused. Hint: "
             "HF_ENDPOINT or MODELSCOPE_ENDPOINT may name a mirror that is none",
             from.host, to.host);
      }
      with_secrets = false;  // for good: who sent us away does not get them by sending us back
    }
  }
  Fail(ErrorCode::kCorrupt, "{}: more than {} redirects, the last to {}",
       SplitUrl(fetch.url, "URL").host, kMaxRedirects, SplitUrl(url, "URL").host);
}

}  // namespace tael
