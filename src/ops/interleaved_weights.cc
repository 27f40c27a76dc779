#include "ops/interleaved_weights.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include "quant/interleave.h"

namespace tael {
namespace {

// Strips begin where cache lines do, as far as the format allows it.
constexpr int64_t kAlignment = 64;
// Read and written by a worker before it gives the pages of the file back.
constexpr int64_t kPieceBytes = int64_t{1} << 18;

int64_t StripBytes(const Weight& w) { return InterleavedWeights::StripRowsOf(w) * w.row_bytes; }

size_t BlocksOf(const Weight& w) {
  return static_cast<size_t>(w.row_bytes) / InterleavedLayoutOf(w.dtype).block_bytes();
}

bool CanTake(const Weight& w) {
  const InterleavedLayout layout = InterleavedLayoutOf(w.dtype);
  return w.packed == nullptr && w.data != nullptr && w.element_bytes == 0 && layout.words != 0 &&
         InterleavedWeights::StripRowsOf(w) > 0 && w.row_bytes == StorageBytes(w.dtype, w.k);
}

// Eights of rows of a matrix.
struct Piece {
  const Weight* weight;
  int64_t first, count;  // rows
  uint8_t* out;
};

void CopyPiece(const Piece& piece, const std::function<void(std::span<const uint8_t>)>& before,
               const std::function<void(std::span<const uint8_t>)>& after) {
  const Weight& w = *piece.weight;
  const std::span<const uint8_t> from(w.row(piece.first),
                                      static_cast<size_t>(piece.count * w.row_bytes));
  before(from);
  constexpr auto kRows = static_cast<int64_t>(kStripRows);
  for (int64_t row = 0; row < piece.count; row += kRows) {
    InterleaveRows(w.dtype, w.row(piece.first + row), static_cast<size_t>(w.row_bytes), BlocksOf(w),
                   piece.out + row * w.row_bytes);
  }
  after(from);
}

}  // namespace

InterleavedWeights::InterleavedWeights(std::span<const Weight> matrices,
                                       const KernelTable& kernels) {
  static_assert(kRows == kStripRows);
  if (kernels.matmul_interleaved == nullptr) return;
  for (const Weight& w : matrices) {
    if (!CanTake(w)) continue;
    const auto next = taken_.lower_bound(w.data);
    const uint8_t* end = w.data + w.n * w.row_bytes;
    if (next != taken_.end() && next->first < end) continue;
    if (next != taken_.begin()) {
      const Weight& before = std::prev(next)->second.weight;
      if (before.data + before.n * before.row_bytes > w.data) continue;
    }
    taken_.emplace_hint(next, w.data, Taken{w, bytes_});
    bytes_ += (StripBytes(w) + kAlignment - 1) / kAlignment * kAlignment;
  }
}

std::vector<InterleavedWeights::Bytes> InterleavedWeights::replaced() const {
  std::vector<Bytes> all;
  all.reserve(taken_.size());
  for (const auto& [data, taken] : taken_) {
    all.emplace_back(data, static_cast<size_t>(StripBytes(taken.weight)));
  }
  return all;
}

void InterleavedWeights::Fill(WorkerPool& pool, const std::function<void(Bytes)>& before,
                              const std::function<void(Bytes)>& after) {
  if (bytes_ == 0) return;
  SystemMemory memory(bytes_);
  std::vector<Piece> pieces;
  for (const auto& [data, taken] : taken_) {
    const Weight& w = taken.weight;
    const int64_t rows = std::max(kRows, kPieceBytes / w.row_bytes / kRows * kRows);
    for (int64_t first = 0; first < StripRowsOf(w); first += rows) {
      pieces.push_back({&w, first, std::min(rows, StripRowsOf(w) - first),
                        memory.data() + taken.offset + first * w.row_bytes});
    }
  }
  std::mutex mutex;
  std::exception_ptr failure;
  pool.ParallelFor(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      try {
        CopyPiece(pieces[static_cast<size_t>(i)], before, after);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        failure = std::current_exception();
        return;
      }
    }
  });
  if (failure) std::rethrow_exception(failure);
  memory_ = std::move(memory);
}

const InterleavedWeights::Taken* InterleavedWeights::Place(const Weight& w) const {
  if (w.data == nullptr) return nullptr;
  const auto at = taken_.find(w.data);
  if (at == taken_.end()) return nullptr;
  const Weight& taken = at->second.weight;
  const bool same =
      taken.n == w.n && taken.k == w.k && taken.dtype == w.dtype && taken.row_bytes == w.row_bytes;
  return same ? &at->second : nullptr;
}

const uint8_t* InterleavedWeights::Find(const Weight& w) const {
  if (memory_.data() == nullptr) return nullptr;
  const Taken* taken = Place(w);
  return taken == nullptr ? nullptr : memory_.data() + taken->offset;
}

const uint8_t* InterleavedWeights::Row(const Weight& w, int64_t r, uint8_t* copy) const {
  const uint8_t* strips = Find(w);
  if (strips == nullptr || r >= StripRowsOf(w)) return w.row(r);
  CopyInterleavedRow(w.dtype, strips + r / kRows * kRows * w.row_bytes, BlocksOf(w),
                     static_cast<size_t>(r % kRows), copy);
  return copy;
}

}  // namespace tael
