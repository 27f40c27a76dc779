// Scratch memory of one step: bump allocation, released all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tael {

// Not thread-safe: operations allocate before they start their parallel loop. Grows by chunks;
// Reset() joins them into one, so that a steady state allocates nothing.
class Arena {
 public:
  // `count` objects of T, 64-byte aligned, not initialised. Throws std::bad_alloc.
  template <typename T>
  T* Allocate(int64_t count) {
    return static_cast<T*>(AllocateBytes(static_cast<size_t>(count) * sizeof(T)));
  }
  void Reset();
  // Position to return to: frees everything allocated since Mark(). Nested use only.
  struct Position {
    size_t chunk = 0, used = 0;
  };
  Position Mark() const {
    return {current_, current_ < chunks_.size() ? chunks_[current_].used : 0};
  }
  void Release(Position position);

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::byte* begin = nullptr;  // aligned
    size_t size = 0, used = 0;
  };
  void* AllocateBytes(size_t bytes);
  std::vector<Chunk> chunks_;
  size_t current_ = 0;
};

}  // namespace tael
