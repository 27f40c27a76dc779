// Fetches files in pieces over several connections, resumes, and checks what came.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub_client.h"

namespace tael {

struct DownloadOptions {
  HttpClientOptions http;
  RetryPolicy retry;
  int connections = 4;  // at the same time, to one or several files
};

struct FileProgress {
  std::string name;
  std::string sha256;  // as listed, or else found; "" = neither yet
  int64_t size = 0;
  int64_t done = 0;     // bytes on the disk
  int64_t checked = 0;  // bytes that went through SHA-256
};

// The files of a selection, below a folder under their own names, with a journal of what is there
// already. Called by one thread; works with more.
class Downloader {
 public:
  // Creates the folder; removes nothing. `cancelled` must outlive it. Throws kUnavailable.
  Downloader(const std::string& folder, const std::string& journal, const RemoteModel& model,
             const std::vector<RemoteFile>& files, const DownloadOptions& options,
             const std::atomic<bool>* cancelled);
  ~Downloader();
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  // About ten times a second while the calls below work, on the calling thread.
  using Tick = std::function<void()>;

  // The first bytes[i] bytes of every file (more is allowed, less when it is shorter) are on the
  // disk when this returns. Throws what stopped it.
  void FetchBeginnings(const std::vector<int64_t>& bytes, const Tick& tick);

  // The first bytes[i] bytes of every file will be fetched again.
  void ForgetBeginnings(const std::vector<int64_t>& bytes);

  // All of every file, each with its size and SHA-256, and written to the disk. A file of another
  // SHA-256 is fetched once more, then refused with kCorrupt. Throws what stopped it.
  void FetchAll(const Tick& tick);

  std::vector<FileProgress> Progress() const;
  std::string PathOf(size_t file) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tael
