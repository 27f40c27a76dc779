// Bytes of a connection to requests.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/chunked_body.h"
#include "net/http_head.h"
#include "net/http_message.h"

namespace tael {

struct HttpSizes {
  size_t head_bytes = size_t{32} << 10;  // request line and headers
  size_t body_bytes = size_t{32} << 20;
};

// Looks at a head before its body is read: the bytes that its body may have. What it throws comes
// out of Take().
using HttpHeadCheck = std::function<size_t(HttpHead&)>;

// Strict: what it accepts has one reading. Not for several threads.
class HttpRequestReader {
 public:
  enum class State { kIdle, kHead, kBody, kComplete };

  // Without a check, bodies may have `sizes.body_bytes`.
  explicit HttpRequestReader(const HttpSizes& sizes, HttpHeadCheck check = {})
      : sizes_(sizes), check_(std::move(check)) {}

  // Bytes as they come. They are only kept: Take() looks at them.
  void Feed(std::string_view bytes) { bytes_.append(bytes); }
  // The next request, once it is complete. Throws HttpError (400, 413 body too large, 417, 431 head
  // too large, 501, 505); the reader is of no use behind it.
  std::optional<HttpRequest> Take();

  // As of the last Take().
  State state() const;
  // The head is complete and asks for "100 Continue" before the body is sent.
  bool expects_continue() const { return head_ && head_->expects_continue && !complete_; }
  // Of the request whose body is being read; null when there is none.
  const HttpRequest* head() const { return head_ ? &head_->request : nullptr; }
  // Bytes that were not looked at, or not understood yet.
  size_t waiting() const { return bytes_.size(); }
  // All that is kept.
  size_t held() const { return bytes_.size() + (head_ ? head_->request.body.size() : 0); }

 private:
  void Advance();
  void ReadHead();
  bool ReadBody();

  HttpSizes sizes_;
  HttpHeadCheck check_;
  std::string bytes_;             // not yet understood
  size_t scanned_ = 0;            // of them: known to hold no end of a head
  std::optional<HttpHead> head_;  // of the request that is being read
  std::optional<ChunkedBody> chunks_;
  bool complete_ = false;
};

}  // namespace tael
