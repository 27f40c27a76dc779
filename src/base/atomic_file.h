// A file that is written piece by piece and appears whole or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/piece_writer.h"

namespace tael {

// Writes beside the target under a name of its own ("X.part-..."), which is removed unless Commit()
// was called; only a killed process leaves it behind. The target, if there is one, stays as it is
// until Commit(). Not thread-safe.
class AtomicFile {
 public:
  // Reserves `bytes` on the disk where its file system can, so that a full disk is noticed at once.
  // Many of them are written past the page cache (PieceWriter).
  // Throws kUnavailable when the file cannot be created or the space is not there.
  explicit AtomicFile(const std::string& path, int64_t bytes = 0);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends. Throws kUnavailable (disk full, file too large, ...).
  void Write(std::span<const uint8_t> bytes);
  // Bytes so far.
  int64_t size() const { return size_; }
  // Everything is on the disk under the temporary name; throws kUnavailable. Commit() does this
  // too; apart, it lets a set of files be finished before the first of them appears.
  void Finish();
  // Puts the file in its place: durable when this returns. Throws kUnavailable.
  void Commit();

  const std::string& path() const { return path_; }

 private:
  [[noreturn]] void Failed(const char* what) const;

  std::string path_, scratch_;
  int fd_ = -1;
  PieceWriter writer_{-1, false};
  int64_t size_ = 0, reserved_ = 0;
};

// A name is durable only with its directory: writes that of `path` to the disk. False, and errno,
// when that failed; a file system that cannot do it is none.
bool SyncDirectoryOf(const std::string& path);

}  // namespace tael
