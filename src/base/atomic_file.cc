#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

// Small pieces are collected; larger ones are written at once.
constexpr size_t kBuffer = size_t{1} << 20;

}  // namespace

AtomicFile::AtomicFile(const std::string& path, int64_t bytes)
    : path_(path), scratch_(path + ".part-XXXXXX"), reserved_(bytes) {
  fd_ = mkostemp(scratch_.data(), O_CLOEXEC);
  if (fd_ < 0) {
    Fail(ErrorCode::kUnavailable, "{}: cannot be created: {}", path_, std::strerror(errno));
  }
  // Other errors say that the file system cannot reserve.
  if (bytes > 0 && fallocate(fd_, 0, 0, bytes) != 0 && (errno == ENOSPC || errno == EFBIG)) {
    const int error = errno;
    close(fd_);
    unlink(scratch_.c_str());
    Fail(ErrorCode::kUnavailable, "{}: {} bytes cannot be written: {}", path_, bytes,
         std::strerror(error));
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      scratch_(std::move(other.scratch_)),
      buffer_(std::move(other.buffer_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      reserved_(other.reserved_) {
  other.scratch_.clear();
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!scratch_.empty()) unlink(scratch_.c_str());
}

void AtomicFile::Failed(const char* what) const {
  Fail(ErrorCode::kUnavailable, "{}: {} failed after {} bytes: {}", path_, what, size_,
       std::strerror(errno));
}

void AtomicFile::Flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t written = write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Failed("writing");
    done += static_cast<size_t>(written);
  }
  buffer_.clear();
}

void AtomicFile::Write(std::span<const uint8_t> bytes) {
  size_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kBuffer - buffer_.size());
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), part);
    bytes = bytes.subspan(part);
    if (buffer_.size() == kBuffer) Flush();
  }
}

void AtomicFile::Finish() {
  if (fd_ < 0) return;
  Flush();
  if (reserved_ > size_ && ftruncate(fd_, size_) != 0) Failed("shortening");
  if (fchmod(fd_, 0644) != 0 || fsync(fd_) != 0) Failed("writing");
  const int fd = std::exchange(fd_, -1);
  if (close(fd) != 0) Failed("closing");
}

void AtomicFile::Commit() {
  Finish();
  if (rename(scratch_.c_str(), path_.c_str()) != 0) Failed("renaming");
  scratch_.clear();
  if (!SyncDirectoryOf(path_)) Failed("writing the directory");
}

bool SyncDirectoryOf(const std::string& path) {
  const int directory = open(DirName(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return true;
  const bool synced = fsync(directory) == 0 || errno == EINVAL;  // some file systems cannot
  const int error = errno;
  close(directory);
  errno = error;
  return synced;
}

}  // namespace tael
