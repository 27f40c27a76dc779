// Brings a model from a hub into the store: finds out, plans, downloads, checks, installs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/downloader.h"
#include "hub/model_reference.h"
#include "hub/pulled_model.h"
#include "hub/select_files.h"

namespace tael {

struct PullSetup {
  std::string store;  // folder of the model store
  HubEndpoints endpoints;
  DownloadOptions download;
  int64_t keep_free = int64_t{1} << 30;  // bytes of the disk that stay free
  bool again = false;                    // download even if the same model is there
};

// What is going on, about ten times a second while downloading.
struct PullEvent {
  enum class Kind {
    kListing,      // the hub is asked what there is
    kPlanning,     // headers are read; `files` is known from here on
    kDownloading,  // bytes come
    kChecking,     // all bytes are here, SHA-256 is not through
    kInstalling,   // into the store
  };
  Kind kind;
  std::string name = {};                 // in the store
  std::vector<FileProgress> files = {};  // small ones first
  int64_t done = 0, total = 0;           // bytes of all files
  int64_t resumed = 0;                   // of `done`: were there when this pull began
};
// "listing", "planning", "downloading", "checking", "installing".
const char* PullEventName(PullEvent::Kind kind);

struct PullResult {
  PulledModel model;
  std::string path;         // to open
  bool downloaded = false;  // false: the same was there
  bool compared = false;  // downloaded, and each file of weights had a SHA-256 to be compared with
};

// One pull. Run() is called once; Cancel() may come from any thread.
class ModelPull {
 public:
  using Listener = std::function<void(const PullEvent&)>;
  // Is given a path that opens like the model while of its weights only the headers are there;
  // throws to refuse the model before they are downloaded.
  using Inspector = std::function<void(const std::string& path, const std::string& name)>;

  // Both are called on the thread of Run(); they may be empty.
  ModelPull(PullSetup setup, Listener listener, Inspector inspector);

  // nullopt: cancelled; what came is kept for the next pull, as after an error of the network.
  // Throws: kNotFound, kInvalidArgument (what there is instead), kUnsupported, kCorrupt, kExhausted
  // (disk), kUnavailable (network; another process pulls the same), and what the inspector throws.
  std::optional<PullResult> Run(const ModelReference& reference);

  void Cancel() { cancelled_ = true; }
  // For signal handlers and the like, which set it themselves.
  std::atomic<bool>& cancelled() { return cancelled_; }

 private:
  PullResult Pull(const ModelReference& reference);
  PullResult Download(const RemoteModel& remote, const FileSelection& selection, PulledModel model);
  void Plan(Downloader& downloader, const std::vector<RemoteFile>& files, const std::string& path);
  void FetchHeaders(Downloader& downloader, const std::vector<RemoteFile>& files,
                    std::vector<int64_t>* wanted);
  void CheckDisk(const Downloader& downloader) const;
  void Tell(PullEvent::Kind kind, const Downloader* downloader = nullptr);

  PullSetup setup_;
  Listener listener_;
  Inspector inspector_;
  std::atomic<bool> cancelled_{false};
  std::string name_;
  int64_t resumed_ = 0;
};

// Puts a model of this disk into the store: `files` are paths below it with where they are now.
// They are linked where the file system can and `copy` is false, so that no byte is there twice.
// The model must have been opened before. Throws kUnavailable, kExhausted.
struct LocalFile {
  std::string path;  // below the model's folder
  std::string from;
};
PullResult InstallLocalModel(const PullSetup& setup, PulledModel model,
                             const std::vector<LocalFile>& files, bool copy);

}  // namespace tael
