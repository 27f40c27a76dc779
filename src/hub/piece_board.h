// Which pieces of which files somebody should fetch next: shared by the threads of a download.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

#include "hub/parts_journal.h"

namespace tael {

// Bytes [begin, end) of a file, for one request.
struct PieceJob {
  size_t file = 0;
  int64_t begin = 0, end = 0;
  bool whole = false;  // the server knows no ranges: from the first byte, `end` is where to stop
};

// Thread-safe. The journal is used under its lock only.
class PieceBoard {
 public:
  PieceBoard(PartsJournal& journal, int connections);

  // Bytes [0, bytes) of the file are wanted from now on; never less than before.
  void Want(size_t file, int64_t bytes);

  // Waits for work; nullopt when everything wanted is there, or Stop() was called. Files come in
  // order, a large one to several threads; requests get shorter towards the end.
  std::optional<PieceJob> Take();
  // The bytes of the job below `position` are on the disk. Throws as the journal does.
  void Advance(PieceJob& job, int64_t position);
  // What is left of the job, if anything, is for others.
  void GiveBack(const PieceJob& job);
  // The server sent all of the file where a part was asked for: from now on as one stream.
  void TakeWhole(size_t file);
  // All of the file is to be fetched again. REQUIRES: no job of the file is out.
  void Restart(size_t file);

  // The first reason counts. Take() gives nothing more.
  void Stop(std::exception_ptr reason);
  // Begins again after a Stop(nullptr), for further wants.
  std::exception_ptr reason();

  // Waits for a change, at most `milliseconds`. True: everything wanted is there.
  bool WaitDone(int milliseconds);
  // Bytes from the start of the file that are there without a gap.
  int64_t Front(size_t file);
  std::vector<int64_t> BytesDone();  // per file
  int64_t MissingBytes();            // of what is wanted

 private:
  enum class Piece : uint8_t { kMissing, kTaken, kThere };
  struct File {
    std::vector<Piece> pieces;
    int64_t wanted = 0;  // pieces
    int64_t front = 0;   // pieces before it are there
    int64_t bytes = 0;   // of the pieces that are there
    bool whole = false;
  };
  int64_t PieceBytes(size_t file, int64_t piece) const;
  std::optional<PieceJob> TakeOf(size_t file, int64_t most);
  int64_t Missing() const;
  bool Done() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  PartsJournal& journal_;
  std::vector<File> files_;
  int connections_;
  bool stopped_ = false;
  std::exception_ptr reason_;
};

}  // namespace tael
