#include "net/chunked_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "net/http_head.h"

namespace tael {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// What may stand behind a size: ;name=value ;name="value". Left out, but it must be readable.
bool IsExtension(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) return false;
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    }
  }
  return !quoted;
}

// Length of the line at the front; npos when its end has not come. Throws for a lone CR or LF.
size_t LineLength(std::string_view bytes) {
  const size_t end = bytes.find_first_of(kLineEnd);
  if (end == std::string_view::npos || end + 1 == bytes.size()) {
    if (end != std::string_view::npos && bytes[end] == '\n') {
      throw HttpError(400, "chunk: a line that does not end in CR LF");
    }
    return std::string_view::npos;
  }
  if (bytes.substr(end, 2) == kLineEnd) return end;
  throw HttpError(400, "chunk: a line that does not end in CR LF");
}

}  // namespace

void ChunkedBody::ReadSize(std::string_view line, size_t body_bytes) {
  const size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  const std::string_view rest = line.substr(digits);
  const bool extended = rest.size() > 1 && rest[0] == ';' && IsExtension(rest);
  if (digits == 0 || digits > 15 || (!rest.empty() && !extended)) {
    throw HttpError(400, "chunk: needed its size in hexadecimal digits");
  }
  std::from_chars(line.data(), line.data() + digits, left_, 16);
  if (left_ > max_body_ - body_bytes) {
    throw HttpError(413, fmt::format("body: more than {} bytes", max_body_));
  }
  part_ = left_ > 0 ? Part::kData : Part::kTrailer;
}

// One part of the front of `bytes`; false when more of them are needed.
bool ChunkedBody::Step(std::string_view bytes, size_t* used, std::string* body) {
  if (part_ == Part::kData) {
    const size_t size = std::min(left_, bytes.size());
    body->append(bytes.substr(0, size));
    *used += size;
    left_ -= size;
    if (left_ > 0) return false;
    part_ = Part::kDataEnd;
    return true;
  }
  const size_t length = LineLength(bytes);
  const size_t line_bytes = std::min(length, bytes.size());
  if (part_ == Part::kDataEnd && line_bytes > 0 && bytes[0] != '\r') {
    throw HttpError(400, "chunk: needed CR LF behind its data");
  }
  if (line_bytes > max_line_ - std::min(trailer_bytes_, max_line_)) {
    throw HttpError(400, "chunk: its line, or the trailer, is too long");
  }
  if (length == std::string_view::npos) return false;
  *used += length + kLineEnd.size();
  const std::string_view line = bytes.substr(0, length);
  if (part_ == Part::kSize) {
    ReadSize(line, body->size());
  } else if (part_ == Part::kDataEnd) {
    part_ = Part::kSize;
  } else if (line.empty()) {
    part_ = Part::kEnd;
  } else {
    ParseHeaderLine(line);  // a trailer's headers must be headers, and are left out
    trailer_bytes_ += length + kLineEnd.size();
  }
  return part_ != Part::kEnd;
}

bool ChunkedBody::Feed(std::string* bytes, std::string* body) {
  size_t used = 0;
  while (part_ != Part::kEnd && Step(std::string_view(*bytes).substr(used), &used, body)) {
  }
  bytes->erase(0, used);
  return part_ == Part::kEnd;
}

}  // namespace tael
