#include "hub/piece_fetcher.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "base/error.h"
#include "hub/refusals.h"

namespace tael {
namespace {

// The answer has no Content-Range: the server sends the whole file.
class NoRanges : public std::exception {};

class PieceFetcher {
 public:
  explicit PieceFetcher(const FetchTask& task)
      : task_(task), client_(task.options.http, &task.stop) {}

  void Run() {
    while (auto job = task_.board.Take()) {
      job_ = *job;
      try {
        FetchJob();
      } catch (const NoRanges&) {
        task_.board.TakeWhole(job_.file);
      }
      task_.board.GiveBack(job_);
    }
  }

 private:
  const RemoteFile& file() const { return task_.files[job_.file]; }

  void FetchJob() {
    position_ = job_.begin;
    int64_t last = position_;
    WithRetries(
        task_.options.retry, &task_.stop, [&] { Request(); },
        [&] { return std::exchange(last, std::max(last, position_)) < position_; });
  }

  void Request() {
    if (job_.whole) position_ = 0;
    HttpFetch fetch{.url = file().url, .secret_headers = task_.model.secret_headers};
    if (!job_.whole) {
      fetch.range = ByteRange{position_, job_.end - 1};
      // A file without SHA-256 must not change between two of its pieces.
      if (file().sha256.empty()) fetch.if_range = file().etag;
    }
    const HttpReply reply = client_.Get(
        fetch, {.on_head = [&](const HttpReply& head) { CheckHead(head); },
                .on_body = [&](std::span<const uint8_t> bytes) { return TakeBytes(bytes); }});
    if (position_ < job_.end) {
      Fail(ErrorCode::kUnavailable, "{}: '{}': {} ended {} bytes too early", task_.model.where,
           file().path, SplitUrl(reply.url, "URL").host, job_.end - position_);
    }
  }

  void CheckHead(const HttpReply& reply) {
    const std::string what = task_.model.where + ": '" + file().path + "'";
    if (reply.status == 416) LiesAboutSize(reply, "has less");
    if (reply.status != 200 && reply.status != 206) {
      RefuseStatus(reply, what, task_.model.token_variable, !task_.model.secret_headers.empty());
    }
    RefusePage(reply, what);
    CheckLinkedFields(reply.first, file(), task_.model.commit, task_.model.where);
    CheckEtag(reply);
    // Some hubs send a range with status 200: the header decides.
    const auto range = ParseContentRange(reply.fields.Find("content-range").value_or(""));
    if (range) {
      if (range->total >= 0 && range->total != file().size) {
        LiesAboutSize(reply, fmt::format("has {}", range->total));
      }
      if (range->first != position_ || range->last >= job_.end) {
        Fail(ErrorCode::kCorrupt, "{}: {} sends bytes {} to {}, asked for were {} to {}", what,
             SplitUrl(reply.url, "URL").host, range->first, range->last, position_, job_.end - 1);
      }
      return;
    }
    if (reply.status == 206) {
      Fail(ErrorCode::kCorrupt, "{}: {} sends a part and does not say which", what,
           SplitUrl(reply.url, "URL").host);
    }
    const auto length = reply.fields.Find("content-length");
    if (length && *length != std::to_string(file().size)) {
      LiesAboutSize(reply, "sends " + length->substr(0, 20));
    }
    const bool all = position_ == 0 && job_.end == file().size;
    if (!job_.whole && !all) throw NoRanges();
  }

  [[noreturn]] void LiesAboutSize(const HttpReply& reply, const std::string& found) const {
    Fail(ErrorCode::kCorrupt,
         "{}: '{}' should have {} bytes, but {} {}. Hint: the file changed, or a mirror is out of "
         "date; try again, or another hub",
         task_.model.where, file().path, file().size, SplitUrl(reply.url, "URL").host, found);
  }

  void CheckEtag(const HttpReply& reply) const {
    if (!file().sha256.empty() || file().etag.empty()) return;
    const auto etag = reply.fields.Find("etag");
    if (etag && *etag != file().etag) {
      Fail(ErrorCode::kCorrupt, "{}: '{}' was changed on the server meanwhile. Hint: run it again",
           task_.model.where, file().path);
    }
  }

  bool TakeBytes(std::span<const uint8_t> bytes) {
    const auto room = static_cast<size_t>(job_.end - position_);
    const bool too_much = bytes.size() > room;
    // Of a whole file, what is behind the end of the job is not wanted yet.
    if (too_much && !(job_.whole && job_.end < file().size)) {
      Fail(ErrorCode::kCorrupt, "{}: '{}': the server sends more than the {} bytes it should have",
           task_.model.where, file().path, file().size);
    }
    Write(bytes.first(std::min(bytes.size(), room)));
    task_.board.Advance(job_, position_);
    return !(job_.whole && position_ == job_.end && job_.end < file().size);
  }

  void Write(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(task_.descriptors[job_.file], bytes.data(), bytes.size(),
                                     static_cast<off_t>(position_));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        Fail(ErrorCode::kExhausted,
             "{}: '{}' cannot be written: {}. Hint: what came is kept; free "
             "space and pull again",
             task_.model.where, file().path, std::strerror(errno));
      }
      position_ += written;
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  const FetchTask& task_;
  HttpClient client_;
  PieceJob job_;
  int64_t position_ = 0;  // of the next byte in the file
};

}  // namespace

void FetchPieces(const FetchTask& task) {
  try {
    PieceFetcher(task).Run();
  } catch (...) {
    task.board.Stop(std::current_exception());
  }
}

}  // namespace tael
