#include "ops/interleaved_weights.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "quant/interleave.h"
#include "runtime/for_each_piece.h"
#include "runtime/large_pages.h"

namespace tael {
namespace {

// Strips begin where cache lines do, as far as the format allows it.
constexpr int64_t kAlignment = 64;
// Read at once: stays in the second-level cache until it is interleaved.
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

int64_t BytesOfStrip(const Weight& w) { return static_cast<int64_t>(kStripRows) * w.row_bytes; }

// Copies the part of a matrix's strips that lies in a window of all strips.
class MatrixWindow {
 public:
  // The window begins `offset` bytes behind the first strip of `w` (before it, when negative).
  MatrixWindow(const Weight& w, int64_t offset, std::span<uint8_t> out)
      : w_(w), offset_(offset), out_(out), strip_(BytesOfStrip(w)) {}

  void Copy(const InterleavedWeights::Reader& read, std::vector<uint8_t>& buffer) const {
    const int64_t begin = std::max<int64_t>(0, offset_);
    const int64_t end = std::min(StripBytes(w_), offset_ + static_cast<int64_t>(out_.size()));
    const int64_t last = (end + strip_ - 1) / strip_;
    const int64_t together = std::max<int64_t>(1, kPieceBytes / strip_);
    // Room for what is read, and for a strip that is only partly in the window.
    buffer.resize(std::max(buffer.size(), static_cast<size_t>((together + 1) * strip_)));
    for (int64_t first = begin / strip_; first < last; first += together) {
      const int64_t count = std::min(together, last - first);
      const std::span<const uint8_t> rows(w_.row(first * static_cast<int64_t>(kStripRows)),
                                          static_cast<size_t>(count * strip_));
      const uint8_t* from = read(rows, buffer.data());
      uint8_t* partial = buffer.data() + together * strip_;
      for (int64_t i = 0; i < count; ++i) CopyStrip(from + i * strip_, first + i, partial);
    }
  }

 private:
  void CopyStrip(const uint8_t* rows, int64_t strip, uint8_t* partial) const {
    const int64_t begin = strip * strip_ - offset_, end = begin + strip_;  // in the window
    const auto size = static_cast<int64_t>(out_.size());
    const bool whole = begin >= 0 && end <= size;
    InterleaveRows(w_.dtype, rows, static_cast<size_t>(w_.row_bytes), BlocksOf(w_),
                   whole ? out_.data() + begin : partial);
    if (whole) return;
    const int64_t from = std::max<int64_t>(0, begin), to = std::min(size, end);
    std::copy(partial + (from - begin), partial + (to - begin), out_.data() + from);
  }

  const Weight& w_;
  int64_t offset_;
  std::span<uint8_t> out_;
  int64_t strip_;  // bytes
};

}  // namespace

InterleavedWeights::InterleavedWeights(std::span<const Weight> matrices,
                                       const KernelTable& kernels) {
  static_assert(kRows == kStripRows);
  if (kernels.matmul_interleaved == nullptr) return;
  for (const Weight& w : matrices) {
    if (!CanTake(w)) continue;
    const auto next = places_.lower_bound(w.data);
    const uint8_t* end = w.data + w.n * w.row_bytes;
    if (next != places_.end() && next->first < end) continue;
    if (next != places_.begin()) {
      const Weight& before = taken_[std::prev(next)->second].weight;
      if (before.data + before.n * before.row_bytes > w.data) continue;
    }
    places_.emplace_hint(next, w.data, taken_.size());
    taken_.push_back({w, bytes_});
    bytes_ += (StripBytes(w) + kAlignment - 1) / kAlignment * kAlignment;
  }
}

std::vector<InterleavedWeights::Bytes> InterleavedWeights::replaced() const {
  std::vector<Bytes> all;
  all.reserve(taken_.size());
  for (const auto& [data, place] : places_) {
    all.emplace_back(data, static_cast<size_t>(StripBytes(taken_[place].weight)));
  }
  return all;
}

void InterleavedWeights::CopyWindow(int64_t offset, std::span<uint8_t> out,
                                    const Reader& read) const {
  const int64_t end = offset + static_cast<int64_t>(out.size());
  auto at = std::partition_point(taken_.begin(), taken_.end(), [&](const Taken& t) {
    return t.offset + StripBytes(t.weight) <= offset;
  });
  std::vector<uint8_t> buffer;
  for (int64_t done = offset; done < end;) {
    const int64_t next = at == taken_.end() ? end : std::clamp(at->offset, done, end);
    std::fill(out.begin() + (done - offset), out.begin() + (next - offset), uint8_t{0});
    done = next;
    if (done == end) break;
    MatrixWindow(at->weight, offset - at->offset, out).Copy(read, buffer);
    done = std::min(end, at->offset + StripBytes(at->weight));
    ++at;
  }
}

void InterleavedWeights::Fill(WorkerPool& pool, const Reader& read) {
  if (bytes_ == 0) return;
  SystemMemory memory(bytes_);
  const auto window = [&](int64_t piece) {
    const int64_t offset = piece * kWindowBytes;
    const auto size = static_cast<size_t>(std::min(kWindowBytes, bytes_ - offset));
    return memory.bytes().subspan(static_cast<size_t>(offset), size);
  };
  const int64_t windows = (bytes_ + kWindowBytes - 1) / kWindowBytes;
  // Small memory has nothing to lose. Otherwise the first window shows what small pages cost.
  constexpr int64_t kTried = 16;
  std::optional<LargePageTrial> trial;
  if (windows >= kTried) trial.emplace(PopulateSmall(window(0)));
  ForEachPiece(pool, windows, [&](int64_t piece) {
    if (trial && piece > 0) PopulateWindow(window(piece), *trial);
    CopyWindow(piece * kWindowBytes, window(piece), read);
  });
  memory_ = std::move(memory);
  strips_ = memory_.data();
}

void InterleavedWeights::Use(std::shared_ptr<const void> owner, const uint8_t* strips) {
  owner_ = std::move(owner);
  strips_ = strips;
}

const InterleavedWeights::Taken* InterleavedWeights::Place(const Weight& w) const {
  if (w.data == nullptr) return nullptr;
  const auto at = places_.find(w.data);
  if (at == places_.end()) return nullptr;
  const Weight& taken = taken_[at->second].weight;
  const bool same =
      taken.n == w.n && taken.k == w.k && taken.dtype == w.dtype && taken.row_bytes == w.row_bytes;
  return same ? &taken_[at->second] : nullptr;
}

const uint8_t* InterleavedWeights::Find(const Weight& w) const {
  if (strips_ == nullptr) return nullptr;
  const Taken* taken = Place(w);
  return taken == nullptr ? nullptr : strips_ + taken->offset;
}

const uint8_t* InterleavedWeights::Row(const Weight& w, int64_t r, uint8_t* copy) const {
  const uint8_t* strips = Find(w);
  if (strips == nullptr || r >= StripRowsOf(w)) return w.row(r);
  CopyInterleavedRow(w.dtype, strips + r / kRows * kRows * w.row_bytes, BlocksOf(w),
                     static_cast<size_t>(r % kRows), copy);
  return copy;
}

}  // namespace tael
