// One connection of a download: takes jobs from the board, writes what comes, notices every lie.
#pragma once

#include <atomic>
#include <vector>

#include "hub/downloader.h"
#include "hub/piece_board.h"

namespace tael {

// What the connections of a download share; read only, but for the board.
struct FetchTask {
  const RemoteModel& model;
  const std::vector<RemoteFile>& files;
  const std::vector<int>& descriptors;  // of the files on the disk, open for writing
  const DownloadOptions& options;
  PieceBoard& board;
  const std::atomic<bool>& stop;
};

// Works until the board gives nothing more. What is wrong goes to the board.
void FetchPieces(const FetchTask& task);

}  // namespace tael
