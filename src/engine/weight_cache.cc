#include "engine/weight_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"
#include "runtime/cgroup_limits.h"

namespace tael {
namespace {

constexpr double kGiga = 1e9;
constexpr int64_t kGiB = int64_t{1} << 30;
// Half-written files have this behind their name.
constexpr const char* kPartEnding = ".part";
// What is written to see how quick a disk is.
constexpr int64_t kTrialBytes = int64_t{32} << 20;
// The longest that a start may be held up by writing, seconds.
constexpr double kMostWriting = 60;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of the machine, or what the control group allows when that is less.
int64_t MemoryBytes() {
  const int64_t machine = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const int64_t group = ReadCgroupMemory().limit;
  return group > 0 ? std::min(machine, group) : machine;
}

// Of the disk that has `directory`, or would have it. 0: unknown.
int64_t DiskFree(std::string directory) {
  while (!DirectoryExists(directory) && DirName(directory) != directory) {
    directory = DirName(directory);
  }
  std::error_code error;
  const auto space = std::filesystem::space(directory, error);
  return error ? 0 : static_cast<int64_t>(space.available);
}

WeightCacheFacts FactsOf(const InterleavedWeights& weights, const WeightCacheOptions& options) {
  WeightCacheFacts facts;
  facts.bytes = weights.bytes();
  facts.memory = MemoryBytes();
  facts.disk_free = DiskFree(options.directory);
  return facts;
}

// Whether `path` names the open file.
bool HasName(int fd, const std::string& path) {
  struct stat mine{}, named{};
  return fstat(fd, &mine) == 0 && lstat(path.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
         mine.st_dev == named.st_dev;
}

// A file that is being written, locked against other processes; unlinked unless it was renamed.
class PartFile {
 public:
  // Empty when another process writes it just now: locked() is false. Throws kUnavailable.
  explicit PartFile(const std::string& path) : path_(path + kPartEnding), target_(path) {
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) Failed("cannot be created");
    const bool locked = flock(fd_, LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK) Abandon("cannot be locked");
    struct stat mine{};
    if (fstat(fd_, &mine) != 0 || !S_ISREG(mine.st_mode) || mine.st_uid != geteuid() ||
        mine.st_nlink > 1) {
      errno = EPERM;
      Abandon("belongs to somebody else, or has other names");
    }
    // The other process may have renamed it between our open() and our lock.
    locked_ = locked && IsNamed();
    if (locked_ && ftruncate(fd_, 0) != 0) Abandon("cannot be emptied");
  }
  ~PartFile() {
    if (locked_ && !done_ && IsNamed()) unlink(path_.c_str());
    close(fd_);
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  bool locked() const { return locked_; }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

  // Bytes that the disk takes per second, roughly.
  double MeasureRate() {
    const std::vector<uint8_t> bytes(static_cast<size_t>(kTrialBytes), 0x5a);
    const auto start = std::chrono::steady_clock::now();
    const bool written = pwrite(fd_, bytes.data(), bytes.size(), 0) == kTrialBytes;
    if (!written || fdatasync(fd_) != 0 || ftruncate(fd_, 0) != 0) Failed("cannot be written");
    return static_cast<double>(kTrialBytes) / SecondsSince(start);
  }
  // REQUIRES: everything is synced.
  void Commit() {
    errno = ENOENT;
    if (!IsNamed()) Failed("was removed while it was written");
    if (rename(path_.c_str(), target_.c_str()) != 0) Failed("cannot be renamed");
    done_ = true;
    SyncDirectoryOf(target_);
  }

 private:
  [[noreturn]] void Failed(const char* what) const {
    Fail(ErrorCode::kUnavailable, "{}: {}: {}", path_, what, std::strerror(errno));
  }
  // For the constructor, behind which there is no destructor yet.
  [[noreturn]] void Abandon(const char* what) const {
    const int error = errno;
    close(fd_);
    errno = error;
    Failed(what);
  }
  // Whether the name is still that of this file.
  bool IsNamed() const { return HasName(fd_, path_); }

  std::string path_, target_;
  int fd_ = -1;
  bool locked_ = false, done_ = false;
};

// What killed processes have left.
void RemoveAbandonedParts(const std::string& directory) {
  for (const KeptWeights& one : ListKeptWeights(directory)) {
    if (one.path.ends_with(kPartEnding)) RemoveWeightFile(one.path);
  }
}

class Packer {
 public:
  Packer(const Model& model, InterleavedWeights& weights, WorkerPool& pool,
         const InterleavedWeights::Reader& read, const WeightCacheOptions& options)
      : weights_(weights),
        pool_(pool),
        read_(read),
        options_(options),
        key_(MakeWeightFileKey(model, weights)),
        path_(JoinPath(options.directory, key_.name)) {}

  // Whether a file was there that fits.
  bool Open() {
    if (!FileExists(path_)) return false;
    try {
      Use();
      utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);  // used now; fails harmlessly
      return true;
    } catch (const Error& error) {
      Note(fmt::format("{}. The weights are packed anew", error.what()));
      if (error.code() == ErrorCode::kCorrupt) unlink(path_.c_str());
      return false;
    }
  }

  // Whether a file was written and is used now.
  bool Keep() {
    RemoveAbandonedParts(options_.directory);  // they would take room on the disk
    WeightCacheFacts facts = FactsOf(weights_, options_);
    WeightCacheVerdict verdict = JudgeWeightCache(facts, options_);
    try {
      if (verdict == WeightCacheVerdict::kPays) {
        MakeDirectories(options_.directory);
        PartFile part(path_);
        if (!part.locked()) return false;  // another process does it
        facts.disk_rate = part.MeasureRate();
        verdict = JudgeWeightCache(facts, options_);
        if (verdict == WeightCacheVerdict::kPays) {
          Write(part);
          return true;
        }
      }
    } catch (const SourceError& failed) {
      std::rethrow_exception(failed.error);
    } catch (const Error& error) {
      return NotKept(error.what());
    } catch (const std::bad_alloc&) {
      return NotKept("there is not enough memory to write them");
    }
    if (verdict == WeightCacheVerdict::kCopyIsQuick) return false;
    return NotKept(VerdictText(verdict, facts, options_));
  }

  const std::string& path() const { return path_; }
  int64_t file_bytes() const { return file_bytes_; }  // of the file that is used

 private:
  bool NotKept(std::string_view why) const {
    Note(
        fmt::format("packed weights are not kept for the next start: {}. Hint: --no-weight-cache "
                    "does not try",
                    why));
    return false;
  }

  // What went wrong with the model's file, apart from what goes wrong with ours.
  struct SourceError {
    std::exception_ptr error;
  };

  void Write(PartFile& part) {
    for (const KeptWeights& old : MakeRoom(Others(), weights_.bytes(), options_.most)) {
      unlink(old.path.c_str());
      Note(fmt::format("{} was removed: weight files may take {:.1f} GiB", old.path,
                       static_cast<double>(options_.most) / static_cast<double>(kGiB)));
    }
    const auto read = [&](std::span<const uint8_t> bytes, uint8_t* buffer) {
      try {
        return read_(bytes, buffer);
      } catch (...) {
        throw SourceError{std::current_exception()};
      }
    };
    WriteWeightFile(part.fd(), part.path(), key_, weights_, pool_, read, options_.progress);
    part.Commit();
    Use();
    Note(
        fmt::format("packed weights are kept for the next start: {} ({:.1f} GiB). `tael cache` "
                    "shows and clears, --no-weight-cache turns it off",
                    path_, static_cast<double>(weights_.bytes()) / static_cast<double>(kGiB)));
  }

  std::vector<KeptWeights> Others() const {
    std::vector<KeptWeights> kept = ListKeptWeights(options_.directory);
    std::erase_if(kept, [&](const KeptWeights& one) {
      return one.path == path_ || one.path.ends_with(kPartEnding);
    });
    return kept;
  }

  void Use() {
    const auto file = OpenWeightFile(path_, key_, weights_, pool_);
    weights_.Use(file, StripsIn(*file));
    file_bytes_ = static_cast<int64_t>(file->bytes().size());
  }

  void Note(const std::string& text) const {
    if (options_.note) options_.note(text);
  }

  InterleavedWeights& weights_;
  WorkerPool& pool_;
  const InterleavedWeights::Reader& read_;
  const WeightCacheOptions& options_;
  WeightFileKey key_;
  std::string path_;
  int64_t file_bytes_ = 0;
};

}  // namespace

WeightCacheVerdict JudgeWeightCache(const WeightCacheFacts& facts,
                                    const WeightCacheOptions& options) {
  // A copy needs the file's pages and its own: with a quarter of the memory for all else, nothing
  // has to be read from the disk again, and copying takes a tenth of a second per GB.
  const bool both_fit = facts.memory > 0 && facts.bytes < facts.memory * 3 / 8;
  if (!options.always && (facts.bytes < kGiB || both_fit)) return WeightCacheVerdict::kCopyIsQuick;
  if (facts.bytes > options.most) return WeightCacheVerdict::kTooLarge;
  if (facts.disk_free - facts.bytes < options.keep_free) return WeightCacheVerdict::kDiskFull;
  const bool slow =
      facts.disk_rate > 0 && static_cast<double>(facts.bytes) > kMostWriting * facts.disk_rate;
  return slow && !options.always ? WeightCacheVerdict::kDiskSlow : WeightCacheVerdict::kPays;
}

std::string VerdictText(WeightCacheVerdict verdict, const WeightCacheFacts& facts,
                        const WeightCacheOptions& options) {
  const auto gib = [](int64_t bytes) {
    return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
  };
  switch (verdict) {
    case WeightCacheVerdict::kPays:
      break;
    case WeightCacheVerdict::kCopyIsQuick:
      return "a copy is made as quickly";
    case WeightCacheVerdict::kTooLarge:
      return fmt::format("they take {}, and all weight files may take {} (cache.most)",
                         gib(facts.bytes), gib(options.most));
    case WeightCacheVerdict::kDiskFull:
      return fmt::format(
          "they take {}, the disk of {} has {} free, and {} stay free "
          "(cache.keep_free)",
          gib(facts.bytes), options.directory, gib(facts.disk_free), gib(options.keep_free));
    case WeightCacheVerdict::kDiskSlow:
      return fmt::format("the disk of {} takes {:.2f} GB/s, which would be {:.0f} s",
                         options.directory, facts.disk_rate / kGiga,
                         static_cast<double>(facts.bytes) / facts.disk_rate);
  }
  return "";
}

WeightCacheForecast ForecastWeightCache(const Model& model, const InterleavedWeights& weights,
                                        const WeightCacheOptions& options) {
  WeightCacheForecast forecast;
  forecast.facts = FactsOf(weights, options);
  forecast.file = JoinPath(options.directory, MakeWeightFileKey(model, weights).name);
  forecast.kept = FileExists(forecast.file);
  forecast.verdict = JudgeWeightCache(forecast.facts, options);
  return forecast;
}

std::vector<KeptWeights> ListKeptWeights(const std::string& directory) {
  std::vector<KeptWeights> kept;
  if (!DirectoryExists(directory)) return kept;
  const std::string ending = kWeightFileEnding;
  for (const std::string& name : ListDirectory(directory)) {
    const bool part = name.ends_with(ending + kPartEnding);
    struct stat info{};
    KeptWeights one;
    one.path = JoinPath(directory, name);
    if ((!part && !name.ends_with(ending)) || lstat(one.path.c_str(), &info) != 0) continue;
    if (!S_ISREG(info.st_mode)) continue;
    one.bytes = int64_t{info.st_blocks} * 512;
    one.used_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    try {
      if (!part) one.model = ReadWeightFileHeader(MappedFile(one.path)).model;
    } catch (const Error&) {
      one.model.clear();  // damaged, or just removed: it is listed all the same
    }
    kept.push_back(std::move(one));
  }
  std::sort(kept.begin(), kept.end(),
            [](const KeptWeights& a, const KeptWeights& b) { return a.used_ns > b.used_ns; });
  return kept;
}

bool RemoveWeightFile(const std::string& path) {
  if (path.ends_with(kPartEnding)) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT;
    const bool abandoned = flock(fd, LOCK_EX | LOCK_NB) == 0 && HasName(fd, path);
    const bool removed = abandoned && unlink(path.c_str()) == 0;
    const int error = abandoned ? errno : EBUSY;
    close(fd);
    errno = error;
    return removed;
  }
  return unlink(path.c_str()) == 0 || errno == ENOENT;
}

std::vector<KeptWeights> MakeRoom(std::vector<KeptWeights> kept, int64_t bytes, int64_t most) {
  std::sort(kept.begin(), kept.end(),
            [](const KeptWeights& a, const KeptWeights& b) { return a.used_ns < b.used_ns; });
  int64_t all = bytes;
  for (const KeptWeights& one : kept) all += one.bytes;
  size_t leaving = 0;
  while (leaving < kept.size() && all > most) all -= kept[leaving++].bytes;
  kept.resize(leaving);
  return kept;
}

PackedWeights PackWeights(const Model& model, InterleavedWeights& weights, WorkerPool& pool,
                          const InterleavedWeights::Reader& read,
                          const WeightCacheOptions* options) {
  PackedWeights packed;
  packed.bytes = weights.bytes();
  if (weights.bytes() == 0) return packed;
  const auto start = std::chrono::steady_clock::now();
  packed.from = PackedWeights::From::kCopy;
  if (options != nullptr && CanKeep(model, weights)) {
    Packer packer(model, weights, pool, read, *options);
    if (packer.Open()) {
      packed.from = PackedWeights::From::kFile;
    } else if (packer.Keep()) {
      packed.from = PackedWeights::From::kNewFile;
    }
    if (packed.from != PackedWeights::From::kCopy) {
      packed.file = packer.path();
      packed.file_bytes = packer.file_bytes();
    }
  }
  if (packed.from == PackedWeights::From::kCopy) weights.Fill(pool, read);
  packed.seconds = SecondsSince(start);
  return packed;
}

}  // namespace tael
