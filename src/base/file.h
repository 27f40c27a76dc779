// Files: reading, memory mapping, atomic replacement, gzip.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

bool FileExists(const std::string& path);       // a regular file, or a link to one
bool DirectoryExists(const std::string& path);  // a directory, or a link to one
int64_t FileSize(const std::string& path);      // bytes. Throws kNotFound.

// Names (not paths) in a directory, sorted, without "." and "..". Throws kNotFound.
std::vector<std::string> ListDirectory(const std::string& path);

std::string JoinPath(std::string_view directory, std::string_view name);
std::string BaseName(std::string_view path);  // "b.txt" of "a/b.txt"
std::string DirName(std::string_view path);   // "a" of "a/b.txt"; "." of "b.txt"

// The whole file. Throws kNotFound (with the system's reason) or kExhausted above `max_bytes`.
std::string ReadFile(const std::string& path, int64_t max_bytes = int64_t{1} << 31);

// The whole file, unpacked if it begins with the gzip magic. Throws as above, kCorrupt.
std::string ReadMaybeGzip(const std::string& path, int64_t max_bytes = int64_t{1} << 31);

// Unpacks gzip or zlib data. Throws kCorrupt, kExhausted.
std::string Gunzip(std::string_view bytes, std::string_view where, int64_t max_bytes);

// Writes beside `path`, syncs, renames: a reader sees the old file or the whole new one.
void WriteFileAtomically(const std::string& path, std::string_view bytes);

void MakeDirectories(const std::string& path);

// Which file it is and in what state: another one, or another state, differs in something.
struct FileIdentity {
  int64_t size = 0, modified_ns = 0;
  int64_t changed_ns = 0;  // when its content or its state changed: nobody can set it
  uint64_t inode = 0;
};

// A read-only mapping of a whole file. Movable; the bytes stay valid while the object lives.
class MappedFile {
 public:
  // Throws kNotFound when the file cannot be opened; an empty file maps to an empty span.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  bool Contains(const uint8_t* data) const { return data >= data_ && data < data_ + size_; }

  // Copies `part`, which lies in bytes(), to `out`: no page of the mapping becomes resident.
  // Throws kUnavailable (the file cannot be read, or became shorter).
  void Read(std::span<const uint8_t> part, uint8_t* out) const;
  // Of the file that is mapped, whatever has its name now. Throws kUnavailable.
  FileIdentity Identity() const;

 private:
  std::string path_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  int fd_ = -1;
};

}  // namespace tael
