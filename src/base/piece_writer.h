// Writes a file from its beginning to its end in large pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <span>

namespace tael {

// One piece is on its way to the disk while the next one is collected. Not thread-safe.
class PieceWriter {
 public:
  static constexpr size_t kPiece = size_t{4} << 20;

  // Borrows `fd`, a file that is empty or only reserved. A `large` file goes past the page cache
  // where its file system can do that: nothing is copied there, other files keep their place in
  // it, and a later fsync() has little left to do.
  PieceWriter(int fd, bool large);

  // 0 or the errno of a write, of this piece or of one before; after an error the file is of no
  // use.
  [[nodiscard]] int Append(std::span<const uint8_t> bytes);
  // Returns when all of it is written, not yet durable: as above.
  [[nodiscard]] int Finish();
  // Returns when nothing is under way: `fd` may then be closed.
  void Wait() noexcept;

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  int Send();
  int Collect();

  int fd_;
  bool large_;
  std::unique_ptr<uint8_t[], Free> buffers_[2];
  size_t current_ = 0, filled_ = 0;
  int64_t offset_ = 0;
  std::future<int> under_way_;
};

}  // namespace tael
