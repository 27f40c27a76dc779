#include "net/http_request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tael {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

}  // namespace

HttpRequestReader::State HttpRequestReader::state() const {
  if (complete_) return State::kComplete;
  if (head_) return State::kBody;
  return bytes_.empty() ? State::kIdle : State::kHead;
}

std::optional<HttpRequest> HttpRequestReader::Take() {
  Advance();
  if (!complete_) return std::nullopt;
  HttpRequest request = std::move(head_->request);
  head_.reset();
  chunks_.reset();
  complete_ = false;
  return request;
}

void HttpRequestReader::ReadHead() {
  // Empty lines before a request are left out (RFC 9112, 2.2).
  size_t empty = 0;
  while (std::string_view(bytes_).substr(empty, 2) == "\r\n") empty += 2;
  bytes_.erase(0, empty);
  scanned_ -= std::min(scanned_, empty);
  const size_t end = bytes_.find(kHeadEnd, scanned_ < 3 ? 0 : scanned_ - 3);
  if (std::min(end, bytes_.size()) > sizes_.head_bytes) {
    throw HttpError(431, fmt::format("head: more than {} bytes", sizes_.head_bytes));
  }
  scanned_ = bytes_.size();
  if (end == std::string::npos) return;
  scanned_ = 0;
  const size_t size = end + kHeadEnd.size();
  head_ = ParseRequestHead(std::string_view(bytes_).substr(0, size));
  bytes_.erase(0, size);
  const size_t most = check_ ? check_(*head_) : sizes_.body_bytes;
  if (head_->content_length > most) {
    throw HttpError(
        413, fmt::format("body: {} bytes, at most {} are taken", head_->content_length, most));
  }
  if (head_->chunked) chunks_.emplace(most, sizes_.head_bytes);
}

// True when the body is complete.
bool HttpRequestReader::ReadBody() {
  std::string& body = head_->request.body;
  if (chunks_) return chunks_->Feed(&bytes_, &body);
  const size_t size = std::min(head_->content_length - body.size(), bytes_.size());
  body.append(bytes_, 0, size);
  bytes_.erase(0, size);
  return body.size() == head_->content_length;
}

void HttpRequestReader::Advance() {
  if (complete_) return;
  if (!head_) ReadHead();
  if (head_) complete_ = ReadBody();
}

}  // namespace tael
