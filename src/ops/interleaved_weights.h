// Matrices whose rows are interleaved by eight (quant/interleave.h), in the place of those of the
// file: what integer products read where the kernels are faster with them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

  // Takes none.
  InterleavedWeights() = default;
  // Takes those of `matrices` that `kernels` have a product for: rows of blocks with a layout, one
  // after the other, at least eight. The rows behind the last whole eight stay in the file. Of
  // matrices that share bytes the first is taken. Nothing is allocated or read yet.
  InterleavedWeights(std::span<const Weight> matrices, const KernelTable& kernels);

  // What Fill() allocates.
  int64_t bytes() const { return bytes_; }
  // The bytes of the file that are not read any more, in the order of their addresses.
  std::vector<Bytes> replaced() const;

  // Allocates and copies, on all workers. `before` and `after` are called around the reading of
  // each piece of the file, on any worker, and may throw, which is passed on. Throws
  // std::bad_alloc.
  void Fill(WorkerPool& pool, const std::function<void(Bytes)>& before,
            const std::function<void(Bytes)>& after);

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
  struct Taken {
    Weight weight;
    int64_t offset = 0;  // in memory_
  };
  const Taken* Place(const Weight& w) const;  // null: not taken

  std::map<const uint8_t*, Taken> taken_;  // by the matrix's first byte
  int64_t bytes_ = 0;
  SystemMemory memory_;
};

}  // namespace tael
