#include "hub/model_pull.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "hub/header_extent.h"
#include "hub/parts_journal.h"
#include "hub/pull_folder.h"

namespace tael {
namespace {

constexpr int64_t kMaxIndexBytes = 64 << 20;

bool IsWeights(const std::string& path) {
  return path.ends_with(".gguf") || path.ends_with(".safetensors");
}

double Gigabytes(int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

// What is in the store under that name is the same: nothing to do.
bool IsSame(const PulledModel& there, const PulledModel& wanted) {
  if (there.origin != wanted.origin || there.files.size() != wanted.files.size()) return false;
  const bool same_commit = there.commit == wanted.commit;
  for (size_t i = 0; i < wanted.files.size(); ++i) {
    const PulledFile &a = there.files[i], &b = wanted.files[i];
    if (a.path != b.path || a.size != b.size) return false;
    if (b.sha256.empty() ? !same_commit || wanted.commit.empty() : a.sha256 != b.sha256) {
      return false;
    }
  }
  return true;
}

}  // namespace

const char* PullEventName(PullEvent::Kind kind) {
  switch (kind) {
    case PullEvent::Kind::kListing:
      return "listing";
    case PullEvent::Kind::kPlanning:
      return "planning";
    case PullEvent::Kind::kDownloading:
      return "downloading";
    case PullEvent::Kind::kChecking:
      return "checking";
    case PullEvent::Kind::kInstalling:
      return "installing";
  }
  return "";
}

ModelPull::ModelPull(PullSetup setup, Listener listener, Inspector inspector)
    : setup_(std::move(setup)), listener_(std::move(listener)), inspector_(std::move(inspector)) {}

std::optional<PullResult> ModelPull::Run(const ModelReference& reference) {
  try {
    return Pull(reference);
  } catch (const Error&) {
    if (cancelled_) return std::nullopt;
    throw;
  }
}

void ModelPull::Tell(PullEvent::Kind kind, const Downloader* downloader) {
  if (!listener_) return;
  PullEvent event{.kind = kind, .name = name_, .files = {}, .resumed = resumed_};
  if (downloader != nullptr) event.files = downloader->Progress();
  for (const FileProgress& file : event.files) {
    event.done += file.done;
    event.total += file.size;
  }
  if (kind == PullEvent::Kind::kDownloading && event.done == event.total) {
    event.kind = PullEvent::Kind::kChecking;
  }
  listener_(event);
}

PullResult ModelPull::Pull(const ModelReference& reference) {
  name_ = StoreName(reference);
  Tell(PullEvent::Kind::kListing);
  HubClient hub(setup_.endpoints, setup_.download.http, setup_.download.retry, &cancelled_);
  const RemoteModel remote = hub.Resolve(reference);
  std::string index;
  if (NeedsIndex(remote.files, reference.quant)) {
    for (const RemoteFile& file : remote.files) {
      if (file.path == kSafetensorsIndex) index = hub.Text(remote, file, kMaxIndexBytes);
    }
  }
  FileSelection selection;
  if (reference.url.empty()) {
    selection = SelectFiles(remote.files, reference.quant, index, remote.where);
  } else {
    selection = {.files = remote.files, .entry = remote.files[0].path};
    for (const RemoteFile& file : remote.files) CheckRemotePath(file.path, remote.where);
  }
  ModelReference chosen = reference;
  chosen.quant = selection.quant;
  name_ = StoreName(chosen);
  PulledModel model{.name = name_,
                    .entry = selection.entry,
                    .source = reference.url.empty() ? HubName(reference.hub) : "url",
                    .origin = remote.origin,
                    .commit = remote.commit};
  for (const RemoteFile& file : selection.files) {
    model.files.push_back({file.path, file.size, file.sha256});
  }
  const std::string target = PulledFolder(setup_.store, name_);
  const auto there = ReadPulledModel(target);
  if (there && !setup_.again && IsSame(*there, model) && IsWhole(target, *there)) {
    return {*there, PulledPath(target, *there), false};
  }
  if (there && !setup_.again && there->origin != model.origin) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: the store has a model of this name from {}. Hint: --force puts this one in its place",
         name_, there->origin);
  }
  return Download(remote, selection, std::move(model));
}

PullResult ModelPull::Download(const RemoteModel& remote, const FileSelection& selection,
                               PulledModel model) {
  PullFolder folder(setup_.store, name_);
  bool weights_begun = false;
  try {
    Downloader downloader(folder.files(), folder.journal(), remote, selection.files,
                          setup_.download, &cancelled_);
    for (const FileProgress& file : downloader.Progress()) resumed_ += file.done;
    weights_begun = resumed_ > 0;
    CheckDisk(downloader);
    Tell(PullEvent::Kind::kPlanning, &downloader);
    Plan(downloader, selection.files, PulledPath(folder.files(), model));
    weights_begun = true;
    downloader.FetchAll([&] { Tell(PullEvent::Kind::kDownloading, &downloader); });
    const std::vector<FileProgress> done = downloader.Progress();
    for (size_t i = 0; i < done.size(); ++i) model.files[i].sha256 = done[i].sha256;
    Tell(PullEvent::Kind::kInstalling, &downloader);
  } catch (...) {
    if (!weights_begun) folder.Discard();  // nothing in it is worth keeping
    throw;
  }
  folder.Install(model);
  const bool compared = std::all_of(
      selection.files.begin(), selection.files.end(),
      [](const RemoteFile& file) { return !IsWeights(file.path) || !file.sha256.empty(); });
  return {model, PulledPath(PulledFolder(setup_.store, name_), model), true, compared};
}

// Small files whole; of weights as much as says what they are. Refuses what cannot run.
void ModelPull::Plan(Downloader& downloader, const std::vector<RemoteFile>& files,
                     const std::string& path) {
  for (bool again = false;; again = true) {
    std::vector<int64_t> wanted;
    wanted.reserve(files.size());
    for (const RemoteFile& file : files) {
      wanted.push_back(IsWeights(file.path) ? std::min(file.size, kPieceBytes) : file.size);
    }
    try {
      FetchHeaders(downloader, files, &wanted);
      if (inspector_) inspector_(path, name_);
      return;
    } catch (const Error& error) {
      // Bytes of an earlier run may have rotted; those of this run are what the server has.
      if (error.code() != ErrorCode::kCorrupt || resumed_ == 0 || again) throw;
      downloader.ForgetBeginnings(wanted);
    }
  }
}

void ModelPull::FetchHeaders(Downloader& downloader, const std::vector<RemoteFile>& files,
                             std::vector<int64_t>* beginnings) {
  std::vector<int64_t>& wanted = *beginnings;
  for (bool more = true; more;) {
    downloader.FetchBeginnings(wanted, [&] { Tell(PullEvent::Kind::kPlanning, &downloader); });
    more = false;
    for (size_t i = 0; i < files.size(); ++i) {
      if (!IsWeights(files[i].path)) continue;
      const MappedFile file(downloader.PathOf(i));
      const auto there = static_cast<size_t>(wanted[i]);
      const int64_t extent = HeaderExtent(file.bytes().first(there), files[i].size, files[i].path);
      if (extent > wanted[i]) {
        wanted[i] = std::min(files[i].size, extent);
        more = true;
      }
    }
  }
}

void ModelPull::CheckDisk(const Downloader& downloader) const {
  int64_t missing = 0, total = 0;
  for (const FileProgress& file : downloader.Progress()) {
    missing += file.size - file.done;
    total += file.size;
  }
  std::error_code error;
  const auto space = std::filesystem::space(setup_.store, error);
  if (error) return;
  const auto free = static_cast<int64_t>(
      std::min<uintmax_t>(space.available, std::numeric_limits<int64_t>::max()));
  if (missing <= free - setup_.keep_free) return;
  Fail(ErrorCode::kExhausted,
       "{}: {:.2f} GB are to be downloaded ({:.2f} GB in all), but the disk of {} has {:.2f} GB "
       "free, "
       "of which {:.2f} GB stay free (hub.keep_free). Hint: free space, or set TAEL_MODELS to a "
       "folder "
       "elsewhere",
       name_, Gigabytes(missing), Gigabytes(total), setup_.store, Gigabytes(free),
       Gigabytes(setup_.keep_free));
}

PullResult InstallLocalModel(const PullSetup& setup, PulledModel model,
                             const std::vector<LocalFile>& files, bool copy) {
  namespace fs = std::filesystem;
  const std::string target = PulledFolder(setup.store, model.name);
  const auto there = ReadPulledModel(target);
  if ((DirectoryExists(target) || FileExists(target)) && !setup.again) {
    if (there && there->origin == model.origin && IsWhole(target, *there)) {
      return {*there, PulledPath(target, *there), false};
    }
    Fail(
        ErrorCode::kInvalidArgument,
        "{}: the store has something of this name. Hint: --name gives another, --force replaces it",
        model.name);
  }
  PullFolder folder(setup.store, model.name);
  for (const LocalFile& file : files) {
    CheckRemotePath(file.path, model.name);
    const fs::path to = JoinPath(folder.files(), file.path), from = fs::canonical(file.from);
    fs::create_directories(to.parent_path());
    std::error_code error, ignored;
    fs::remove(to, ignored);
    if (!copy) fs::create_hard_link(from, to, error);
    if (copy || error) fs::copy_file(from, to, error);
    if (error) {
      folder.Discard();
      Fail(ErrorCode::kUnavailable, "{}: cannot be put into the store: {}", file.from,
           error.message());
    }
    model.files.push_back({file.path, FileSize(to.string()), ""});
  }
  folder.Install(model);
  return {model, PulledPath(target, model), true};
}

}  // namespace tael
