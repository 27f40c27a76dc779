// Layout, little-endian as the machines that Tael runs on:
//   "TAELWGT2", u64 header bytes, u64 data offset, u64 data bytes, u64 length and text of the
//   model's path, 64 characters of digest, u64 count and u64 checksums of the windows, u64 checksum
//   of all before; then, at the next large page, the strips.
#include "engine/weight_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "quant/interleave.h"
#include "runtime/for_each_piece.h"

// Compiled in here: the header is all that is needed.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tael {
namespace {

constexpr std::string_view kMagic = "TAELWGT2";
constexpr int64_t kWindow = InterleavedWeights::kWindowBytes;
constexpr size_t kDigestChars = 64;
constexpr int64_t kMaxModelPath = 1 << 16;

int64_t WindowsOf(int64_t bytes) { return (bytes + kWindow - 1) / kWindow; }

void AppendNumber(std::string& out, uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Numbers and texts of a header, one after the other.
class HeaderReader {
 public:
  explicit HeaderReader(const MappedFile& file) : file_(file) {}

  std::string_view Text(int64_t size) {
    const std::span<const uint8_t> all = file_.bytes();
    if (size < 0 || size > static_cast<int64_t>(all.size()) - at_) {
      Fail(ErrorCode::kCorrupt, "{}: ends inside its header", file_.path());
    }
    const auto* text = reinterpret_cast<const char*>(all.data()) + at_;
    at_ += size;
    return {text, static_cast<size_t>(size)};
  }
  int64_t Number() {
    int64_t number = 0;
    std::memcpy(&number, Text(sizeof(number)).data(), sizeof(number));
    return number;
  }
  int64_t at() const { return at_; }

 private:
  const MappedFile& file_;
  int64_t at_ = 0;
};

void WriteAt(int fd, const std::string& path, const uint8_t* data, size_t size, int64_t offset) {
  while (size > 0) {
    const ssize_t written = pwrite(fd, data, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      Fail(ErrorCode::kUnavailable, "{}: writing failed: {}", path, std::strerror(errno));
    }
    data += written;
    size -= static_cast<size_t>(written);
    offset += written;
  }
}

std::string HeaderOf(const WeightFileKey& key, int64_t data_bytes,
                     const std::vector<uint64_t>& checksums) {
  const std::string model = key.model.substr(0, kMaxModelPath);
  const auto size = static_cast<int64_t>(kMagic.size() + 3 * 8 + 8 + model.size() + kDigestChars +
                                         8 + 8 * checksums.size() + 8);
  std::string header(kMagic);
  AppendNumber(header, static_cast<uint64_t>(size));
  AppendNumber(header, static_cast<uint64_t>(WindowsOf(size) * kWindow));
  AppendNumber(header, static_cast<uint64_t>(data_bytes));
  AppendNumber(header, model.size());
  header += model;
  header += key.digest;
  AppendNumber(header, checksums.size());
  for (const uint64_t checksum : checksums) AppendNumber(header, checksum);
  AppendNumber(header,
               WeightChecksum({reinterpret_cast<const uint8_t*>(header.data()), header.size()}));
  return header;
}

}  // namespace

uint64_t WeightChecksum(std::span<const uint8_t> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

bool CanKeep(const Model& model, const InterleavedWeights& weights) {
  return weights.bytes() > 0 &&
         std::all_of(weights.taken().begin(), weights.taken().end(), [&](const auto& taken) {
           const auto& files = model.checkpoint.files;
           return std::any_of(files.begin(), files.end(),
                              [&](const auto& file) { return file->Contains(taken.weight.data); });
         });
}

WeightFileKey MakeWeightFileKey(const Model& model, const InterleavedWeights& weights) {
  const auto& files = model.checkpoint.files;
  std::string layout = fmt::format("{} strips of {} rows\n", kMagic, kStripRows), state;
  size_t file = 0;
  for (const InterleavedWeights::Taken& taken : weights.taken()) {
    const Weight& w = taken.weight;
    while (!files[file]->Contains(w.data)) file = (file + 1) % files.size();
    const InterleavedLayout form = InterleavedLayoutOf(w.dtype);
    layout += fmt::format("{} {} {} {} {} {} {} {} {} {}\n", file,
                          w.data - files[file]->bytes().data(), taken.offset, w.n, w.k, w.row_bytes,
                          Name(w.dtype), form.words, form.odd, form.odd_first);
  }
  for (const auto& one : files) {
    char* real = realpath(one->path().c_str(), nullptr);
    layout += fmt::format("{}\n", real != nullptr ? real : one->path());
    free(real);
    const FileIdentity is = one->Identity();
    state += fmt::format("{} {} {} {}\n", is.size, is.modified_ns, is.changed_ns, is.inode);
  }
  const std::string& path = files.front()->path();
  return {.model = path,
          .name = fmt::format("{}-{}{}", BaseName(path).substr(0, 128),
                              Sha256Hex(layout).substr(0, 16), kWeightFileEnding),
          .digest = Sha256Hex(layout + state)};
}

WeightFileHeader ReadWeightFileHeader(const MappedFile& file) {
  HeaderReader reader(file);
  const auto corrupt = [&](const char* what) {
    Fail(ErrorCode::kCorrupt, "{}: is damaged: {}", file.path(), what);
  };
  if (reader.Text(kMagic.size()) != kMagic) corrupt("it does not begin as a weight file");
  WeightFileHeader header;
  const int64_t size = reader.Number();
  header.data_offset = reader.Number();
  header.data_bytes = reader.Number();
  header.model = reader.Text(std::min(reader.Number(), kMaxModelPath + 1));
  header.digest = reader.Text(kDigestChars);
  const int64_t count = reader.Number();
  const auto file_bytes = static_cast<int64_t>(file.bytes().size());
  if (count < 0 || count > file_bytes / 8) corrupt("its header has no sense");
  for (int64_t i = 0; i < count; ++i) {
    header.checksums.push_back(static_cast<uint64_t>(reader.Number()));
  }
  const int64_t end = reader.at();
  const auto checksum = static_cast<uint64_t>(reader.Number());
  if (checksum != WeightChecksum(file.bytes().first(static_cast<size_t>(end)))) {
    corrupt("the checksum of its header is wrong");
  }
  const bool fits = size == reader.at() && header.data_offset == WindowsOf(size) * kWindow &&
                    header.data_bytes > 0 && header.data_bytes == file_bytes - header.data_offset &&
                    count == WindowsOf(header.data_bytes);
  if (!fits) corrupt("its length is not that of its header");
  return header;
}

std::shared_ptr<const MappedFile> OpenWeightFile(const std::string& path, const WeightFileKey& key,
                                                 const InterleavedWeights& weights,
                                                 WorkerPool& pool) {
  // Checksums are no secret: whoever else may write here could give any weights to this user.
  struct stat info{};
  if (lstat(path.c_str(), &info) == 0 &&
      (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022) != 0)) {
    Fail(ErrorCode::kUnavailable,
         "{}: is not used, because others than this user can write it. Hint: `tael cache --clear`",
         path);
  }
  auto file = std::make_shared<const MappedFile>(path);
  const WeightFileHeader header = ReadWeightFileHeader(*file);
  if (header.digest != key.digest || header.data_bytes != weights.bytes()) {
    Fail(ErrorCode::kCorrupt, "{}: belongs to another state of the model's files", path);
  }
  AdviseLargePages(file->bytes());
  const auto strips = file->bytes().subspan(static_cast<size_t>(header.data_offset));
  ForEachPiece(pool, static_cast<int64_t>(header.checksums.size()), [&](int64_t piece) {
    const auto offset = static_cast<size_t>(piece * kWindow);
    const auto window =
        strips.subspan(offset, std::min(static_cast<size_t>(kWindow), strips.size() - offset));
    PopulateReadable(window, path);
    if (WeightChecksum(window) != header.checksums[static_cast<size_t>(piece)]) {
      Fail(ErrorCode::kCorrupt, "{}: is damaged: bytes from {} on are not what was written", path,
           header.data_offset + piece * kWindow);
    }
  });
  return file;
}

const uint8_t* StripsIn(const MappedFile& file) {
  return file.bytes().data() + ReadWeightFileHeader(file).data_offset;
}

void WriteWeightFile(int fd, const std::string& path, const WeightFileKey& key,
                     const InterleavedWeights& weights, WorkerPool& pool,
                     const InterleavedWeights::Reader& read, const WeightProgress& progress) {
  const int64_t bytes = weights.bytes(), windows = WindowsOf(bytes);
  std::vector<uint64_t> checksums(static_cast<size_t>(windows));
  const auto header_bytes = static_cast<int64_t>(HeaderOf(key, bytes, checksums).size());
  const int64_t data = WindowsOf(header_bytes) * kWindow;
  // Other errors than these say that the file system cannot reserve.
  if (fallocate(fd, 0, 0, data + bytes) != 0 && (errno == ENOSPC || errno == EFBIG)) {
    Fail(ErrorCode::kUnavailable, "{}: {} bytes cannot be written: {}", path, data + bytes,
         std::strerror(errno));
  }
  std::mutex mutex;
  int64_t done = 0;
  ForEachPiece(pool, windows, [&](int64_t piece) {
    const int64_t offset = piece * kWindow;
    const SystemMemory memory(kWindow);  // given back at once: the memory plan knows nothing of it
    const auto window =
        memory.bytes().first(static_cast<size_t>(std::min(kWindow, bytes - offset)));
    weights.CopyWindow(offset, window, read);
    checksums[static_cast<size_t>(piece)] = WeightChecksum(window);
    WriteAt(fd, path, window.data(), window.size(), data + offset);
    // The disk begins at once: there is less to wait for at the end.
    sync_file_range(fd, data + offset, static_cast<off_t>(window.size()), SYNC_FILE_RANGE_WRITE);
    const std::lock_guard<std::mutex> lock(mutex);
    done += static_cast<int64_t>(window.size());
    if (progress) progress(done, bytes);
  });
  const std::string header = HeaderOf(key, bytes, checksums);
  WriteAt(fd, path, reinterpret_cast<const uint8_t*>(header.data()), header.size(), 0);
  if (ftruncate(fd, data + bytes) != 0 || fsync(fd) != 0) {
    Fail(ErrorCode::kUnavailable, "{}: writing failed: {}", path, std::strerror(errno));
  }
}

}  // namespace tael
