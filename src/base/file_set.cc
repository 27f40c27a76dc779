#include "base/file_set.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

constexpr std::string_view kOld = ".old-", kPart = ".part-";
constexpr std::string_view kPattern = "XXXXXX";

// What mkstemp() makes of the pattern.
bool IsUnique(std::string_view text) {
  return text.size() == kPattern.size() && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

// What is done to one path, and how to take it back.
struct Step {
  std::string path;
  std::string old;      // where its file went; "": there was none
  bool placed = false;  // a new one is there
};

[[noreturn]] void Failed(const std::string& path) {
  Fail(ErrorCode::kUnavailable, "{}: cannot be replaced: {}", path, std::strerror(errno));
}

// A step, once begun, is either undone at the end or settled.
class Steps {
 public:
  Steps() = default;
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  ~Steps() {
    // A new entry goes before the files that it describes do; the old one, which went first, comes
    // back last. The first error is the one to tell.
    if (!steps_.empty() && steps_.front().placed) {
      unlink(steps_.front().path.c_str());
      static_cast<void>(SyncDirectoryOf(steps_.front().path));
    }
    for (; !steps_.empty(); steps_.pop_back()) {
      const Step& step = steps_.back();
      if (!step.old.empty()) {
        static_cast<void>(std::rename(step.old.c_str(), step.path.c_str()));
      } else if (step.placed) {
        unlink(step.path.c_str());
      }
    }
  }

  void MoveAside(const std::string& path) {
    Step step{.path = path, .old = path + std::string(kOld) + std::string(kPattern)};
    if (access(path.c_str(), F_OK) != 0 && errno == ENOENT && !IsLink(path)) {
      step.old.clear();
      steps_.push_back(std::move(step));
      return;
    }
    const int name = mkstemp(step.old.data());
    if (name < 0) Failed(path);
    close(name);
    if (std::rename(path.c_str(), step.old.c_str()) != 0) {
      const int error = errno;
      unlink(step.old.c_str());
      errno = error;
      Failed(path);
    }
    steps_.push_back(std::move(step));
  }

  void Place(AtomicFile& file) {
    // Noted first: a file may be in its place when writing its directory fails.
    for (Step& step : steps_) step.placed = step.placed || step.path == file.path();
    file.Commit();
  }

  // Nothing is taken back any more.
  void Settle() {
    for (const Step& step : std::exchange(steps_, {})) {
      if (!step.old.empty()) unlink(step.old.c_str());
    }
  }

 private:
  static bool IsLink(const std::string& path) {
    char target;
    return readlink(path.c_str(), &target, 1) >= 0;
  }

  std::vector<Step> steps_;
};

}  // namespace

void CommitTogether(std::vector<AtomicFile>& files, const std::vector<std::string>& removed) {
  if (files.size() == 1 && removed.empty()) return files[0].Commit();
  for (AtomicFile& file : files) file.Finish();
  Steps steps;
  const std::string& entry = files.back().path();
  steps.MoveAside(entry);
  if (!SyncDirectoryOf(entry)) Failed(entry);  // before anything else moves
  for (const AtomicFile& file : files) {
    if (file.path() != entry) steps.MoveAside(file.path());
  }
  for (const std::string& path : removed) steps.MoveAside(path);
  for (AtomicFile& file : files) steps.Place(file);
  steps.Settle();
}

std::vector<std::string> LeftoversOf(const std::string& path) {
  std::vector<std::string> found;
  if (!DirectoryExists(DirName(path))) return found;
  const std::string name = BaseName(path);
  for (const std::string& other : ListDirectory(DirName(path))) {
    if (!other.starts_with(name)) continue;
    const std::string_view rest = std::string_view(other).substr(name.size());
    for (const std::string_view start : {kOld, kPart}) {
      if (rest.starts_with(start) && IsUnique(rest.substr(start.size()))) found.push_back(other);
    }
  }
  return found;
}

void RefuseHalfReplaced(const std::string& path) {
  const std::vector<std::string> left = LeftoversOf(path);
  if (left.empty()) return;
  Fail(ErrorCode::kCorrupt,
       "{}: missing, and {} is beside it: it is being written, or its writer was killed. Hint: "
       "wait for the writer; if there is none, convert again with --force; what is named .part-... "
       "or .old-... may then be removed",
       path, left[0]);
}

}  // namespace tael
