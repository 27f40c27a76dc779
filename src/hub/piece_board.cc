#include "hub/piece_board.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace tael {
namespace {

// Of one request: long enough that its beginning does not count, short enough that a hub's address,
// which is signed for some minutes, holds, and that threads end together.
constexpr int64_t kMostPieces = 64;

}  // namespace

PieceBoard::PieceBoard(PartsJournal& journal, int connections)
    : journal_(journal), files_(journal.files().size()), connections_(connections) {
  for (size_t i = 0; i < files_.size(); ++i) {
    const int64_t count = journal.files()[i].pieces();
    for (int64_t piece = 0; piece < count; ++piece) {
      files_[i].pieces.push_back(journal.Has(i, piece) ? Piece::kThere : Piece::kMissing);
    }
    files_[i].bytes = journal.BytesOf(i);
  }
}

int64_t PieceBoard::PieceBytes(size_t file, int64_t piece) const {
  return std::min(kPieceBytes, journal_.files()[file].size - piece * kPieceBytes);
}

void PieceBoard::Want(size_t file, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<int64_t>(files_[file].pieces.size());
  const int64_t pieces = std::min(count, (bytes + kPieceBytes - 1) / kPieceBytes);
  files_[file].wanted = std::max(files_[file].wanted, pieces);
}

int64_t PieceBoard::Missing() const {
  int64_t missing = 0;
  for (size_t i = 0; i < files_.size(); ++i) {
    for (int64_t piece = files_[i].front; piece < files_[i].wanted; ++piece) {
      if (files_[i].pieces[static_cast<size_t>(piece)] != Piece::kThere) ++missing;
    }
  }
  return missing;
}

bool PieceBoard::Done() const {
  return std::all_of(files_.begin(), files_.end(), [](const File& file) {
    return std::all_of(file.pieces.begin() + std::min(file.front, file.wanted),
                       file.pieces.begin() + file.wanted,
                       [](Piece piece) { return piece == Piece::kThere; });
  });
}

std::optional<PieceJob> PieceBoard::TakeOf(size_t index, int64_t most) {
  File& file = files_[index];
  const auto begin = file.pieces.begin(), end = begin + file.wanted;
  const auto first = std::find(begin + std::min(file.front, file.wanted), end, Piece::kMissing);
  if (first == end) return std::nullopt;
  PieceJob job{.file = index, .whole = file.whole};
  if (file.whole) {
    // One stream at a time; what others have begun must have ended.
    if (std::find(begin, end, Piece::kTaken) != end) return std::nullopt;
    for (auto piece = begin; piece != end; ++piece) {
      if (*piece == Piece::kMissing) *piece = Piece::kTaken;
    }
    job.end = std::min(file.wanted * kPieceBytes, journal_.files()[index].size);
    return job;
  }
  const auto last = std::find_if(first, first + std::min<int64_t>(most, end - first),
                                 [](Piece piece) { return piece != Piece::kMissing; });
  std::fill(first, last, Piece::kTaken);
  job.begin = (first - begin) * kPieceBytes;
  job.end = std::min((last - begin) * kPieceBytes, journal_.files()[index].size);
  return job;
}

std::optional<PieceJob> PieceBoard::Take() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const int64_t missing = Missing();
    if (missing == 0) break;
    const int64_t most = std::clamp<int64_t>(missing / connections_, 1, kMostPieces);
    for (size_t i = 0; i < files_.size(); ++i) {
      if (const auto job = TakeOf(i, most)) return job;
    }
    changed_.wait(lock);  // others have the rest; they may give it back
  }
  return std::nullopt;
}

void PieceBoard::Advance(PieceJob& job, int64_t position) {
  const std::lock_guard lock(mutex_);
  File& file = files_[job.file];
  const int64_t size = journal_.files()[job.file].size;
  while (job.begin < position) {
    const int64_t next = std::min(job.begin + kPieceBytes, size);
    if (next > position) break;
    const int64_t piece = job.begin / kPieceBytes;
    if (file.pieces[static_cast<size_t>(piece)] != Piece::kThere) {
      journal_.Add(job.file, piece);
      file.pieces[static_cast<size_t>(piece)] = Piece::kThere;
      file.bytes += PieceBytes(job.file, piece);
    }
    job.begin = next;
  }
  changed_.notify_all();
}

void PieceBoard::GiveBack(const PieceJob& job) {
  const std::lock_guard lock(mutex_);
  File& file = files_[job.file];
  for (int64_t at = job.begin; at < job.end; at += kPieceBytes) {
    Piece& piece = file.pieces[static_cast<size_t>(at / kPieceBytes)];
    if (piece == Piece::kTaken) piece = Piece::kMissing;
  }
  changed_.notify_all();
}

void PieceBoard::TakeWhole(size_t file) {
  const std::lock_guard lock(mutex_);
  files_[file].whole = true;
}

void PieceBoard::Restart(size_t index) {
  const std::lock_guard lock(mutex_);
  journal_.Forget(index);
  File& file = files_[index];
  file.pieces.assign(file.pieces.size(), Piece::kMissing);
  file.front = file.bytes = 0;
  changed_.notify_all();
}

void PieceBoard::Stop(std::exception_ptr reason) {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (reason && !reason_) reason_ = std::move(reason);
  changed_.notify_all();
}

std::exception_ptr PieceBoard::reason() {
  const std::lock_guard lock(mutex_);
  return reason_;
}

bool PieceBoard::WaitDone(int milliseconds) {
  std::unique_lock lock(mutex_);
  if (!Done() && !stopped_) changed_.wait_for(lock, std::chrono::milliseconds(milliseconds));
  return Done();
}

int64_t PieceBoard::Front(size_t index) {
  const std::lock_guard lock(mutex_);
  File& file = files_[index];
  const auto count = static_cast<int64_t>(file.pieces.size());
  while (file.front < count && file.pieces[static_cast<size_t>(file.front)] == Piece::kThere) {
    ++file.front;
  }
  return std::min(file.front * kPieceBytes, journal_.files()[index].size);
}

std::vector<int64_t> PieceBoard::BytesDone() {
  const std::lock_guard lock(mutex_);
  std::vector<int64_t> bytes;
  bytes.reserve(files_.size());
  for (const File& file : files_) bytes.push_back(file.bytes);
  return bytes;
}

int64_t PieceBoard::MissingBytes() {
  const std::lock_guard lock(mutex_);
  return Missing() * kPieceBytes;
}

}  // namespace tael
