#include "base/piece_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace tael {
namespace {

// Of memory, places in the file and sizes that go past the page cache: no disk's sectors are
// larger.
constexpr size_t kSector = 4096;

// From here on through the page cache. False: so it was already.
bool ThroughPageCache(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DIRECT) != 0 && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

// 0 or an errno.
int WriteAt(int fd, const uint8_t* data, size_t size, int64_t offset, bool large) {
  if (size % kSector != 0) ThroughPageCache(fd);
  for (size_t done = 0; done < size;) {
    const ssize_t written =
        pwrite(fd, data + done, size - done, offset + static_cast<int64_t>(done));
    if (written > 0) {
      done += static_cast<size_t>(written);
    } else if (written == 0) {
      return EIO;
    } else if (errno != EINTR && !(errno == EINVAL && ThroughPageCache(fd))) {
      return errno;
    }
  }
  // Where it went into the page cache after all the disk begins now; an error shows in fsync().
  if (large) {
    static_cast<void>(
        sync_file_range(fd, offset, static_cast<int64_t>(size), SYNC_FILE_RANGE_WRITE));
  }
  return 0;
}

}  // namespace

PieceWriter::PieceWriter(int fd, bool large) : fd_(fd), large_(large) {
  if (!large) return;
  // A file system that cannot do it says so here or at the first piece.
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) static_cast<void>(fcntl(fd, F_SETFL, flags | O_DIRECT));
}

int PieceWriter::Append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    auto& buffer = buffers_[current_];
    if (buffer == nullptr) {
      buffer.reset(static_cast<uint8_t*>(std::aligned_alloc(kSector, kPiece)));
      if (buffer == nullptr) throw std::bad_alloc();
    }
    const size_t part = std::min(bytes.size(), kPiece - filled_);
    std::memcpy(buffer.get() + filled_, bytes.data(), part);
    filled_ += part;
    bytes = bytes.subspan(part);
    if (filled_ < kPiece) continue;
    if (const int error = Send(); error != 0) return error;
  }
  return 0;
}

// The result of what is under way.
int PieceWriter::Collect() { return under_way_.valid() ? under_way_.get() : 0; }

int PieceWriter::Send() {
  if (const int error = Collect(); error != 0) return error;
  const auto write = [fd = fd_, data = buffers_[current_].get(), size = filled_, at = offset_,
                      large = large_] { return WriteAt(fd, data, size, at, large); };
  offset_ += static_cast<int64_t>(filled_);
  filled_ = 0;
  current_ ^= 1;
  try {
    under_way_ = std::async(std::launch::async, write);
  } catch (const std::system_error&) {
    return write();  // no more threads
  }
  return 0;
}

int PieceWriter::Finish() {
  int error = Collect();
  if (error != 0 || filled_ == 0) return error;
  error = WriteAt(fd_, buffers_[current_].get(), filled_, offset_, large_);
  offset_ += static_cast<int64_t>(filled_);
  filled_ = 0;
  return error;
}

void PieceWriter::Wait() noexcept {
  if (under_way_.valid()) under_way_.wait();
}

}  // namespace tael
