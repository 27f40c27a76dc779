#include "net/http_head.h"

#include <algorithm>
#include <boost/beast/http/verb.hpp>
#include <charconv>
#include <ostream>  // IWYU pragma: keep; Boost.Core prints string_view
#include <string>

#include "net/http_text.h"

namespace tael {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kLineEnd = "\r\n";

[[noreturn]] void Refuse(int status, const std::string& what) { throw HttpError(status, what); }

// Printable ASCII, bytes above it, and tabs.
bool IsText(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

bool IsTarget(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }

// Whether a list "a, b" has the word.
bool Lists(std::string_view list, std::string_view lower) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (SameWord(Trimmed(list.substr(0, comma)), lower)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

size_t ParseLength(std::string_view value) {
  size_t length = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (error != std::errc() || stop != end || value.size() > 18) {
    Refuse(400, "Content-Length: needed a number of bytes");
  }
  return length;
}

class HeadParser {
 public:
  HttpHead Parse(std::string_view head) {
    for (bool first = true; !head.empty(); first = false) {
      const size_t end = head.find_first_of(kLineEnd);
      if (end == std::string_view::npos || head.substr(end, 2) != kLineEnd) {
        Refuse(400, "headers: a line that does not end in CR LF");
      }
      const std::string_view line = head.substr(0, end);
      head.remove_prefix(end + 2);
      if (first) {
        RequestLine(line);
      } else if (!line.empty()) {
        Header(line);
      }
    }
    Check();
    return std::move(out_);
  }

 private:
  void RequestLine(std::string_view line) {
    HttpRequest& request = out_.request;
    const size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
      Refuse(400, "request line: needed METHOD TARGET HTTP/1.1");
    }
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!IsToken(method)) Refuse(400, "request line: its method is no word");
    if (target.empty() || !std::all_of(target.begin(), target.end(), IsTarget)) {
      Refuse(400, "request line: its target holds blanks or control characters");
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      const bool other = version.starts_with("HTTP/") && version.size() == 8;
      Refuse(other ? 505 : 400, "request line: needed HTTP/1.1 or HTTP/1.0 at its end");
    }
    if (http::string_to_verb({method.data(), method.size()}) == http::verb::unknown) {
      Refuse(501, "request line: an unknown method");
    }
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.minor_version = version.ends_with('1') ? 1 : 0;
    request.keep_alive = request.minor_version == 1;
  }

  void Header(std::string_view line) {
    const auto [name, value] = ParseHeaderLine(line);
    if (SameWord(name, "host")) ++hosts_;
    if (SameWord(name, "content-length")) {
      ++lengths_;
      out_.content_length = ParseLength(value);
    }
    if (SameWord(name, "transfer-encoding")) {
      ++encodings_;
      if (!SameWord(value, "chunked")) {
        Refuse(501, "Transfer-Encoding: known is chunked, and nothing beside it");
      }
      out_.chunked = true;
    }
    if (SameWord(name, "connection")) {
      closes_ = closes_ || Lists(value, "close");
      keeps_ = keeps_ || Lists(value, "keep-alive");
    }
    if (SameWord(name, "expect")) {
      if (!SameWord(value, "100-continue")) Refuse(417, "Expect: known is 100-continue");
      out_.expects_continue = true;
    }
    out_.request.headers.emplace_back(name, value);
  }

  void Check() {
    HttpRequest& request = out_.request;
    const bool newer = request.minor_version == 1;
    if (hosts_ > 1 || (newer && hosts_ == 0)) Refuse(400, "Host: needed one");
    if (lengths_ > 1) Refuse(400, "Content-Length: found twice");
    if (encodings_ > 1) Refuse(400, "Transfer-Encoding: found twice");
    if (lengths_ > 0 && encodings_ > 0) Refuse(400, "Content-Length beside Transfer-Encoding");
    if (encodings_ > 0 && !newer) Refuse(400, "Transfer-Encoding in HTTP/1.0");
    request.keep_alive = !closes_ && (newer || keeps_);
    if (!newer) out_.expects_continue = false;  // not of that version: left out
  }

  HttpHead out_;
  int hosts_ = 0, lengths_ = 0, encodings_ = 0;
  bool closes_ = false, keeps_ = false;
};

}  // namespace

std::pair<std::string_view, std::string_view> ParseHeaderLine(std::string_view line) {
  const size_t colon = line.find(':');
  if (line.starts_with(' ') || line.starts_with('\t')) Refuse(400, "headers: a folded line");
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    Refuse(400, "headers: needed NAME: VALUE, without blanks before the colon");
  }
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), IsText)) Refuse(400, "headers: control characters");
  return {line.substr(0, colon), value};
}

HttpHead ParseRequestHead(std::string_view head) { return HeadParser().Parse(head); }

}  // namespace tael
