// Which pieces of a download are on the disk: survives a killed process at any moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace tael {

// A file that is downloaded in pieces of kPieceBytes, the last one shorter.
inline constexpr int64_t kPieceBytes = int64_t{1} << 20;
struct PartFile {
  std::string name;
  int64_t size = 0;
  // What its bytes are: a SHA-256, a commit, an ETag. "" = nothing says whether bytes of an earlier
  // run are its own.
  std::string identity;
  bool operator==(const PartFile&) const = default;
  int64_t pieces() const { return (size + kPieceBytes - 1) / kPieceBytes; }
};

// A text file: the list of files, then a line for each event, appended when its bytes were written.
// A last line that was cut is ignored. After a power failure it may promise bytes that did not
// reach the disk; SHA-256 notices, and the file is fetched again. Not thread-safe.
class PartsJournal {
 public:
  // Reads `path` if it is there. What it says about files that are in `files`, with the same size
  // and identity, is kept; the rest is forgotten, as is a journal that cannot be read. Throws
  // kUnavailable when it cannot be written.
  PartsJournal(const std::string& path, std::vector<PartFile> files);
  ~PartsJournal();
  PartsJournal(const PartsJournal&) = delete;
  PartsJournal& operator=(const PartsJournal&) = delete;

  const std::vector<PartFile>& files() const { return files_; }
  bool Has(size_t file, int64_t piece) const { return have_[file][static_cast<size_t>(piece)]; }
  int64_t BytesOf(size_t file) const;  // of the pieces that are there

  void Add(size_t file, int64_t piece);
  void Drop(size_t file, int64_t piece);
  void Forget(size_t file);  // all its pieces

 private:
  void Load(const std::string& text);
  void Write();
  void Append(const std::string& line);

  std::string path_;
  std::vector<PartFile> files_;
  std::vector<std::vector<bool>> have_;  // [files][pieces]
  int fd_ = -1;
};

}  // namespace tael
