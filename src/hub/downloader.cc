#include "hub/downloader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "hub/parts_journal.h"
#include "hub/piece_board.h"
#include "hub/piece_fetcher.h"

namespace tael {
namespace {

// Hashed between two ticks.
constexpr size_t kHashBytes = 4 << 20;

std::vector<PartFile> PartsOf(const RemoteModel& model, const std::vector<RemoteFile>& files) {
  std::vector<PartFile> parts;
  for (const RemoteFile& file : files) {
    std::string identity = file.sha256;
    if (identity.empty() && !model.commit.empty()) identity = "commit " + model.commit;
    if (identity.empty()) identity = file.etag;
    parts.push_back({file.path, file.size, identity});
  }
  return parts;
}

}  // namespace

struct Downloader::Impl {
  std::string folder;
  RemoteModel model;
  std::vector<RemoteFile> files;
  DownloadOptions options;
  const std::atomic<bool>* cancelled;
  PartsJournal journal;
  std::vector<int> descriptors;

  // SHA-256 of each file, following its beginning without gaps.
  struct Check {
    Sha256 hash;
    int64_t done = 0;
    std::string digest;      // "" until all of it was hashed
    bool refetched = false;  // its sum was another one before
  };
  std::vector<Check> checks;
  std::vector<uint8_t> buffer = std::vector<uint8_t>(kHashBytes);
  std::vector<int64_t> wanted;  // bytes of each file, at most its size
  std::vector<int64_t> done;    // as the board said last

  Impl(const std::string& into, const std::string& journal_path, const RemoteModel& from,
       const std::vector<RemoteFile>& chosen, const DownloadOptions& how,
       const std::atomic<bool>* flag)
      : folder(into),
        model(from),
        files(chosen),
        options(how),
        cancelled(flag),
        journal(journal_path, PartsOf(from, chosen)),
        checks(chosen.size()),
        wanted(chosen.size(), 0) {
    for (size_t i = 0; i < files.size(); ++i) done.push_back(journal.BytesOf(i));
  }
  ~Impl() {
    for (const int descriptor : descriptors) close(descriptor);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void OpenFiles();
  bool Cancelled() const { return cancelled != nullptr && cancelled->load(); }
  void Round(bool check, const Tick& tick);
  bool HashSome(PieceBoard& board);
  void FinishCheck(size_t file);
  bool RefetchWrong();
};

void Downloader::Impl::OpenFiles() {
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string path = JoinPath(folder, files[i].path);
    MakeDirectories(DirName(path));
    // The folder is ours: no link in it leads elsewhere.
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0) {
      Fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", path, std::strerror(errno));
    }
    descriptors.push_back(descriptor);
    const off_t there = lseek(descriptor, 0, SEEK_END);
    // Shorter than it was: somebody else has been here, and the journal means another file.
    if (there < files[i].size && journal.BytesOf(i) > 0 && there >= 0) {
      journal.Forget(i);
      done[i] = 0;
    }
    if (ftruncate(descriptor, static_cast<off_t>(files[i].size)) != 0) {
      Fail(ErrorCode::kExhausted, "{}: {} bytes cannot be written: {}", path, files[i].size,
           std::strerror(errno));
    }
  }
}

// Hashes a little of the first file that has bytes to hash; false when none has.
bool Downloader::Impl::HashSome(PieceBoard& board) {
  for (size_t i = 0; i < files.size(); ++i) {
    Check& check = checks[i];
    if (!check.digest.empty()) continue;
    const int64_t front = board.Front(i);
    if (check.done == files[i].size) {
      FinishCheck(i);
      return true;
    }
    if (front <= check.done) continue;
    const auto most = std::min<int64_t>(front - check.done, kHashBytes);
    const ssize_t got = pread(descriptors[i], buffer.data(), static_cast<size_t>(most),
                              static_cast<off_t>(check.done));
    if (got <= 0) {
      Fail(ErrorCode::kUnavailable, "{}: cannot be read: {}", JoinPath(folder, files[i].path),
           got < 0 ? std::strerror(errno) : "it became shorter");
    }
    check.hash.Update({buffer.data(), static_cast<size_t>(got)});
    check.done += got;
    return true;
  }
  return false;
}

// All bytes of the file were hashed.
void Downloader::Impl::FinishCheck(size_t i) {
  checks[i].digest = checks[i].hash.FinishHex();
  if (fsync(descriptors[i]) != 0) {
    Fail(ErrorCode::kExhausted, "{}: writing failed: {}", JoinPath(folder, files[i].path),
         std::strerror(errno));
  }
}

// Every file whose sum is another one begins anew, once; false when there is none.
bool Downloader::Impl::RefetchWrong() {
  bool any = false;
  for (size_t i = 0; i < files.size(); ++i) {
    Check& check = checks[i];
    if (files[i].sha256.empty() || check.digest == files[i].sha256) continue;
    journal.Forget(i);
    if (check.refetched) {
      Fail(ErrorCode::kCorrupt,
           "{}: '{}': SHA-256 is {}, expected {}, twice. Hint: what the server sends is damaged or "
           "is another file; nothing of it was kept",
           model.where, files[i].path, check.digest, files[i].sha256);
    }
    check = {.hash = {}, .done = 0, .digest = "", .refetched = true};
    any = true;
  }
  return any;
}

void Downloader::Impl::Round(bool check, const Tick& tick) {
  PieceBoard board(journal, options.connections);
  for (size_t i = 0; i < files.size(); ++i) board.Want(i, wanted[i]);
  std::atomic<bool> stop{false};
  const FetchTask task{model, files, descriptors, options, board, stop};
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(options.connections));
  for (int i = 0; i < options.connections; ++i) {
    threads.emplace_back([&] { FetchPieces(task); });
  }
  try {
    auto shown = std::chrono::steady_clock::now();
    for (bool complete = false; !board.reason() && !Cancelled();) {
      const bool was_complete = complete;
      const bool busy = check && HashSome(board);
      const bool ends = was_complete && !busy;
      complete = board.WaitDone(busy ? 0 : 50);
      const auto now = std::chrono::steady_clock::now();
      if (ends || now - shown >= std::chrono::milliseconds(100)) {
        done = board.BytesDone();
        if (tick) tick();
        shown = now;
      }
      if (ends) break;
    }
  } catch (...) {
    board.Stop(std::current_exception());
  }
  stop = Cancelled() || board.reason() != nullptr;
  board.Stop(nullptr);
  for (std::thread& thread : threads) thread.join();
  done = board.BytesDone();
  if (Cancelled()) Fail(ErrorCode::kUnavailable, "{}: cancelled", model.where);
  if (board.reason()) std::rethrow_exception(board.reason());
}

Downloader::Downloader(const std::string& folder, const std::string& journal,
                       const RemoteModel& model, const std::vector<RemoteFile>& files,
                       const DownloadOptions& options, const std::atomic<bool>* cancelled) {
  MakeDirectories(folder);
  impl_ = std::make_unique<Impl>(folder, journal, model, files, options, cancelled);
  impl_->OpenFiles();
}

Downloader::~Downloader() = default;

void Downloader::FetchBeginnings(const std::vector<int64_t>& bytes, const Tick& tick) {
  impl_->wanted = bytes;
  impl_->Round(/*check=*/false, tick);
}

void Downloader::ForgetBeginnings(const std::vector<int64_t>& bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int64_t pieces =
        (std::min(bytes[i], impl_->files[i].size) + kPieceBytes - 1) / kPieceBytes;
    for (int64_t piece = 0; piece < pieces; ++piece) impl_->journal.Drop(i, piece);
    impl_->done[i] = impl_->journal.BytesOf(i);
  }
}

void Downloader::FetchAll(const Tick& tick) {
  for (size_t i = 0; i < impl_->files.size(); ++i) impl_->wanted[i] = impl_->files[i].size;
  do {
    impl_->Round(/*check=*/true, tick);
  } while (impl_->RefetchWrong());
  if (!SyncDirectoryOf(impl_->folder + "/.")) {
    Fail(ErrorCode::kExhausted, "{}: writing failed: {}", impl_->folder, std::strerror(errno));
  }
}

std::vector<FileProgress> Downloader::Progress() const {
  std::vector<FileProgress> progress;
  for (size_t i = 0; i < impl_->files.size(); ++i) {
    const RemoteFile& file = impl_->files[i];
    const Impl::Check& check = impl_->checks[i];
    progress.push_back({file.path, file.sha256.empty() ? check.digest : file.sha256, file.size,
                        impl_->done[i], check.done});
  }
  return progress;
}

std::string Downloader::PathOf(size_t file) const {
  return JoinPath(impl_->folder, impl_->files[file].path);
}

}  // namespace tael
