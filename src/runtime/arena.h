// Scratch memory of one step: bump allocation, released all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/memory.h"

namespace tael {

// Not thread-safe: operations allocate before they start their parallel loop. Grows by chunks;
// Reset() joins them into one, so that a steady state allocates nothing.
class Arena {
 public:
  Arena() = default;
  // An arena that only counts: what it hands out must not be touched.
  struct Imagined {};
  explicit Arena(Imagined) : imagined_(true) {}

  // `count` objects of T, 64-byte aligned, not initialised. Throws std::bad_alloc.
  template <typename T>
  T* Allocate(int64_t count) {
    return static_cast<T*>(AllocateBytes(static_cast<size_t>(count) * sizeof(T)));
  }
  void Reset();
  // Makes room for `bytes` in one piece, as measured by peak() of the same allocations. REQUIRES:
  // nothing is allocated. Throws std::bad_alloc.
  void Reserve(int64_t bytes);
  // Most bytes that were ever allocated at once, alignment included.
  int64_t peak() const { return static_cast<int64_t>(peak_); }
  // What Reserve() reserved, for populating it.
  std::span<uint8_t> reserved() const {
    return chunks_.empty() ? std::span<uint8_t>() : chunks_[0].memory.bytes();
  }

  // Position to return to: frees everything allocated since Mark(). Nested use only.
  struct Position {
    size_t chunk = 0, used = 0, in_use = 0;
  };
  Position Mark() const {
    return {current_, current_ < chunks_.size() ? chunks_[current_].used : 0, in_use_};
  }
  void Release(Position position);

 private:
  struct Chunk {
    SystemMemory memory;
    size_t used = 0;
  };
  void* AllocateBytes(size_t bytes);
  std::vector<Chunk> chunks_;
  size_t current_ = 0;
  size_t in_use_ = 0, peak_ = 0;  // bytes handed out
  bool imagined_ = false;
};

}  // namespace tael
