// Matrices whose rows are interleaved by eight (quant/interleave.h), in the place of those of the
// file: what integer products read where the kernels are faster with them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/memory.h"
#include "kernels/kernel_table.h"
#include "runtime/worker_pool.h"
#include "tensor/weight.h"

namespace tael {

class InterleavedWeights {
 public:
  using Bytes = std::span<const uint8_t>;
  // Gives bytes of the file: copies them to `buffer`, which has room for them, and returns that, or
  // returns where they are anyway. Called on any worker; may throw, which is passed on.
  using Reader = std::function<const uint8_t*(Bytes part, uint8_t* buffer)>;
  // A matrix that was taken, and where its strips begin among those of all.
  struct Taken {
    Weight weight;
    int64_t offset = 0;
  };
  // What Fill() gives to a worker at once: as much as a large page of memory holds.
  static constexpr int64_t kWindowBytes = int64_t{2} << 20;

  // Takes none.
  InterleavedWeights() = default;
  // Takes those of `matrices` that `kernels` have a product for: rows of blocks with a layout, one
  // after the other, at least eight. The rows behind the last whole eight stay in the file. Of
  // matrices that share bytes the first is taken. Nothing is allocated or read yet.
  InterleavedWeights(std::span<const Weight> matrices, const KernelTable& kernels);

  // Of all strips, each matrix's beginning at a cache line. The same matrices have the same offsets
  // in every process.
  int64_t bytes() const { return bytes_; }
  const std::vector<Taken>& taken() const { return taken_; }
  // All strips; empty while nothing is filled.
  Bytes strips() const { return {strips_, strips_ == nullptr ? 0 : static_cast<size_t>(bytes_)}; }
  // The bytes of the file that are not read any more, in the order of their addresses.
  std::vector<Bytes> replaced() const;

  // Writes bytes [offset, offset + out.size()) of all strips, zeros between matrices. One thread;
  // several may do it at the same time. REQUIRES: they lie within bytes().
  void CopyWindow(int64_t offset, std::span<uint8_t> out, const Reader& read) const;

  // Allocates and copies, on all workers. Throws std::bad_alloc.
  void Fill(WorkerPool& pool, const Reader& read);
  // Uses strips that are there already, at `strips`, as CopyWindow() makes them. `owner` keeps
  // them.
  void Use(std::shared_ptr<const void> owner, const uint8_t* strips);

  // Whether `w` was taken: Find() gives its strips once they are filled.
  bool Takes(const Weight& w) const { return Place(w) != nullptr; }
  // The strips of `w`, or null: it was not taken, or nothing is filled yet.
  const uint8_t* Find(const Weight& w) const;
  // Rows [0, StripRowsOf(w)) of a matrix that was taken are interleaved.
  static int64_t StripRowsOf(const Weight& w) { return w.n / kRows * kRows; }
  // Row r of `w` as the file has it: borrowed from there, or written to `copy`, which has room for
  // one row.
  const uint8_t* Row(const Weight& w, int64_t r, uint8_t* copy) const;

 private:
  static constexpr int64_t kRows = 8;
  const Taken* Place(const Weight& w) const;  // null: not taken

  std::vector<Taken> taken_;                 // by offset
  std::map<const uint8_t*, size_t> places_;  // in taken_, by the matrix's first byte
  int64_t bytes_ = 0;
  SystemMemory memory_;                // what Fill() allocated
  std::shared_ptr<const void> owner_;  // of what Use() was given
  const uint8_t* strips_ = nullptr;    // in one of them
};

}  // namespace tael
