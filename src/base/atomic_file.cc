#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

// Files of as many bytes go past the page cache.
constexpr int64_t kLarge = int64_t{32} << 20;

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
  writer_ = PieceWriter(fd_, bytes >= kLarge);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      scratch_(std::move(other.scratch_)),
      fd_(std::exchange(other.fd_, -1)),
      writer_(std::move(other.writer_)),
      size_(other.size_),
      reserved_(other.reserved_) {
  other.scratch_.clear();
}

AtomicFile::~AtomicFile() {
  writer_.Wait();
  if (fd_ >= 0) close(fd_);
  if (!scratch_.empty()) unlink(scratch_.c_str());
}

void AtomicFile::Failed(const char* what) const {
  Fail(ErrorCode::kUnavailable, "{}: {} failed after {} bytes: {}", path_, what, size_,
       std::strerror(errno));
}

void AtomicFile::Write(std::span<const uint8_t> bytes) {
  size_ += static_cast<int64_t>(bytes.size());
  errno = writer_.Append(bytes);
  if (errno != 0) Failed("writing");
}

void AtomicFile::Finish() {
  if (fd_ < 0) return;
  errno = writer_.Finish();
  if (errno != 0) Failed("writing");
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
