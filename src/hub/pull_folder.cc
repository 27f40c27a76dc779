#include "hub/pull_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

std::string Parts(const std::string& store) { return JoinPath(store, ".pull"); }

// Whether the descriptor is still the file of that name: its folder may have been removed between
// opening and locking.
bool IsSameFile(int descriptor, const std::string& path) {
  struct stat open_file{}, named{};
  return fstat(descriptor, &open_file) == 0 && stat(path.c_str(), &named) == 0 &&
         open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

// Files and empty folders that the model does not have.
void RemoveOthers(const std::string& folder, const PulledModel& model) {
  std::set<std::string> keep;
  for (const PulledFile& file : model.files) {
    for (std::string path = file.path;; path = DirName(path)) {
      keep.insert(path);
      if (path.find('/') == std::string::npos) break;
    }
  }
  std::vector<fs::path> extra;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (keep.count(entry.path().lexically_relative(folder).string()) == 0) {
      extra.push_back(entry.path());
    }
  }
  for (const fs::path& path : extra) {
    std::error_code gone;  // with a folder above it
    fs::remove_all(path, gone);
  }
}

// The names of all folders below must be on the disk before the model is.
void SyncFolders(const std::string& folder, const PulledModel& model) {
  std::set<std::string> folders = {folder};
  for (const PulledFile& file : model.files) folders.insert(DirName(JoinPath(folder, file.path)));
  for (const std::string& path : folders) {
    if (!SyncDirectoryOf(JoinPath(path, "."))) {
      Fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", path, std::strerror(errno));
    }
  }
}

}  // namespace

std::string PullFolderPath(const std::string& store, const std::string& name) {
  std::string key = PulledFolder("", name);
  for (char& c : key) c = c == '/' ? '+' : c;  // which no repository's name has
  return JoinPath(Parts(store), key);
}

PullFolder::PullFolder(const std::string& store, const std::string& name)
    : store_(store), path_(PullFolderPath(store, name)) {
  const std::string lock = JoinPath(path_, "lock");
  for (int attempt = 0; attempt < 100 && lock_ < 0; ++attempt) {
    MakeDirectories(path_);
    lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0 && errno == ENOENT) continue;  // removed by another owner, just now
    if (lock_ < 0) {
      Fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", lock, std::strerror(errno));
    }
    if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      close(lock_);
      Fail(ErrorCode::kUnavailable, "{}: another process is pulling it. Hint: wait for that one",
           name);
    }
    if (!IsSameFile(lock_, lock)) {
      close(lock_);
      lock_ = -1;
    }
  }
  if (lock_ < 0) Fail(ErrorCode::kUnavailable, "{}: cannot be locked", lock);
  MakeDirectories(files());
}

PullFolder::~PullFolder() {
  if (lock_ >= 0) close(lock_);
}

std::string PullFolder::files() const { return JoinPath(path_, "files"); }
std::string PullFolder::journal() const { return JoinPath(path_, "journal"); }

void PullFolder::Install(const PulledModel& model) {
  RemoveOthers(files(), model);
  WriteFileAtomically(JoinPath(files(), kPulledNote), PulledModelToJson(model));
  SyncFolders(files(), model);
  const std::string target = PulledFolder(store_, model.name);
  MakeDirectories(DirName(target));
  // Where the file system cannot exchange, what was there goes aside first.
  if (rename(files().c_str(), target.c_str()) != 0 &&
      renameat2(AT_FDCWD, files().c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    std::error_code error;
    fs::rename(target, JoinPath(path_, "old"), error);
    if (!error) fs::rename(files(), target, error);
    if (error) {
      std::error_code ignored;
      if (!FileExists(target) && !DirectoryExists(target)) {
        fs::rename(JoinPath(path_, "old"), target, ignored);
      }
      Fail(ErrorCode::kUnavailable, "{}: {}", target, error.message());
    }
  }
  SyncDirectoryOf(target);
  Discard();
}

void PullFolder::Discard() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  fs::remove(Parts(store_), ignored);  // if this was the last
}

void RemoveFromStore(const std::string& store, const std::string& path) {
  std::string trash = JoinPath(Parts(store), "removed-XXXXXX");
  MakeDirectories(Parts(store));
  if (mkdtemp(trash.data()) == nullptr) {
    Fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", Parts(store), std::strerror(errno));
  }
  std::error_code error;
  fs::rename(path, JoinPath(trash, "model"), error);
  std::error_code ignored;
  fs::remove_all(trash, ignored);
  fs::remove(Parts(store), ignored);
  if (error) Fail(ErrorCode::kUnavailable, "{}: {}", path, error.message());
  // Folders above it that have nothing left.
  const std::string root = fs::path(store).lexically_normal().string();
  for (std::string above = DirName(path); above.size() > root.size() && above.starts_with(root);
       above = DirName(above)) {
    if (!fs::remove(above, ignored) || ignored) break;
  }
}

}  // namespace tael
