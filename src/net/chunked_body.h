// A body in chunks (RFC 9112, 7.1): strict, so that every reader finds the same end of it.
#pragma once

#include <cstddef>
#include <string>

namespace tael {

class ChunkedBody {
 public:
  // `max_body`: of all chunks together. `max_line`: of a chunk's line, and of the whole trailer.
  ChunkedBody(size_t max_body, size_t max_line) : max_body_(max_body), max_line_(max_line) {}

  // Takes what it understands off the front of `bytes` and appends what the chunks hold to `body`.
  // True at the end. Throws HttpError: 400 (a size that is no number below 16^15, extensions with
  // control characters or a quote that does not end, data not followed by CR LF, a line or trailer
  // that is too long), 413.
  bool Feed(std::string* bytes, std::string* body);

 private:
  enum class Part { kSize, kData, kDataEnd, kTrailer, kEnd };

  bool Step(std::string_view bytes, size_t* used, std::string* body);
  void ReadSize(std::string_view line, size_t body_bytes);

  size_t max_body_, max_line_;
  Part part_ = Part::kSize;
  size_t left_ = 0;  // of the chunk
  size_t trailer_bytes_ = 0;
};

}  // namespace tael
