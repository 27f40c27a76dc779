#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Opens for reading and refuses what is no regular file (a directory, a device, a pipe).
int OpenRegular(const std::string& path, int64_t* size) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) Fail(ErrorCode::kNotFound, "{}: cannot be opened: {}", path, std::strerror(errno));
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    Fail(ErrorCode::kInvalidArgument, "{}: is not a regular file", path);
  }
  *size = info.st_size;
  return fd;
}

void WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      Fail(ErrorCode::kUnavailable, "{}: writing failed: {}", path, std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

bool FileExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

bool DirectoryExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

int64_t FileSize(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) Fail(ErrorCode::kNotFound, "{}: {}", path, error.message());
  return static_cast<int64_t>(size);
}

std::vector<std::string> ListDirectory(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entries(path, error);
  if (error) Fail(ErrorCode::kNotFound, "{}: {}", path, error.message());
  for (const auto& entry : entries) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  return fmt::format("{}{}{}", directory, directory.back() == '/' ? "" : "/", name);
}

std::string BaseName(std::string_view path) {
  return std::filesystem::path(path).filename().string();
}

std::string DirName(std::string_view path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string ReadFile(const std::string& path, int64_t max_bytes) {
  int64_t size = 0;
  const Descriptor file(OpenRegular(path, &size));
  if (size > max_bytes) {
    Fail(ErrorCode::kExhausted, "{}: has {} bytes, more than the {} allowed here", path, size,
         max_bytes);
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      Fail(ErrorCode::kUnavailable, "{}: reading failed: {}", path, std::strerror(errno));
    }
    if (got == 0) break;  // the file became shorter meanwhile
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

std::string ReadMaybeGzip(const std::string& path, int64_t max_bytes) {
  std::string bytes = ReadFile(path, max_bytes);
  if (bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b') {
    return Gunzip(bytes, path, max_bytes);
  }
  return bytes;
}

std::string Gunzip(std::string_view bytes, std::string_view where, int64_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 32) != Z_OK) {  // +32: gzip or zlib header
    Fail(ErrorCode::kInternal, "{}: zlib could not start", where);
  }
  const auto free_stream = [](z_stream* s) { inflateEnd(s); };
  const std::unique_ptr<z_stream, decltype(free_stream)> guard(&stream, free_stream);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  char chunk[1 << 16];
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof(chunk);
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) {
      Fail(ErrorCode::kCorrupt, "{}: gzip data is damaged or cut short", where);
    }
    out.append(chunk, sizeof(chunk) - stream.avail_out);
    if (static_cast<int64_t>(out.size()) > max_bytes) {
      Fail(ErrorCode::kExhausted, "{}: unpacks to more than {} bytes", where, max_bytes);
    }
  }
  return out;
}

void WriteFileAtomically(const std::string& path, std::string_view bytes) {
  std::string scratch = path + ".part-XXXXXX";
  const Descriptor file(mkostemp(scratch.data(), O_CLOEXEC));
  if (file.get() < 0) {
    Fail(ErrorCode::kUnavailable, "{}: cannot be created: {}", scratch, std::strerror(errno));
  }
  try {
    WriteAll(file.get(), bytes, scratch);
    if (fchmod(file.get(), 0644) != 0 || fsync(file.get()) != 0 ||
        rename(scratch.c_str(), path.c_str()) != 0) {
      Fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", path, std::strerror(errno));
    }
  } catch (...) {
    unlink(scratch.c_str());
    throw;
  }
}

void MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) Fail(ErrorCode::kUnavailable, "{}: cannot be created: {}", path, error.message());
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
  int64_t size = 0;
  Descriptor file(OpenRegular(path, &size));
  if (size == 0) return;
  void* data = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED && errno == ENOMEM) {
    Fail(ErrorCode::kExhausted,
         "{}: out of memory: its {} bytes do not fit into the address space of this process. Hint: "
         "`ulimit -v` bounds it",
         path, size);
  }
  if (data == MAP_FAILED) {
    Fail(ErrorCode::kUnavailable, "{}: cannot be mapped: {}", path, std::strerror(errno));
  }
  data_ = static_cast<const uint8_t*>(data);
  size_ = static_cast<size_t>(size);
  fd_ = file.Release();
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
  if (fd_ >= 0) close(fd_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::exchange(other.fd_, -1)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(fd_, other.fd_);
  return *this;
}

void MappedFile::Read(std::span<const uint8_t> part, uint8_t* out) const {
  size_t done = 0;
  while (done < part.size()) {
    const auto at = static_cast<off_t>(part.data() - data_) + static_cast<off_t>(done);
    const ssize_t got = pread(fd_, out + done, part.size() - done, at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      Fail(ErrorCode::kUnavailable,
           "{}: {} bytes from {} on cannot be read: {}. Hint: the file may have become shorter, or "
           "its disk may be failing",
           path_, part.size(), part.data() - data_,
           got < 0 ? std::strerror(errno) : "the file ends before");
    }
    done += static_cast<size_t>(got);
  }
}

FileIdentity MappedFile::Identity() const {
  struct stat info{};
  if (fd_ < 0) return {};
  if (fstat(fd_, &info) != 0) {
    Fail(ErrorCode::kUnavailable, "{}: its state cannot be read: {}", path_, std::strerror(errno));
  }
  return {.size = info.st_size,
          .modified_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec,
          .changed_ns = int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec,
          .inode = info.st_ino};
}

}  // namespace tael
