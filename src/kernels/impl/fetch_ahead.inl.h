// Asks for weights before they are needed.
namespace tael::TAEL_ISA {
namespace {

// The rows of a tile of blocks are too short and too many for the processor to guess what comes
// next (those of floats are not: there this costs more than it brings). While one tile of a matrix
// is computed, step by step, this fetches the tile behind it in the order of its addresses, an
// equal part with each step. Nothing is read, so it does not matter what lies behind the last tile.
class FetchAhead {
 public:
  // The tile behind the one of `bytes` bytes at `tile`, in `steps` > 0 steps.
  FetchAhead(const uint8_t* tile, size_t bytes, size_t steps)
      : next_(reinterpret_cast<uintptr_t>(tile) + bytes), part_(bytes / steps) {}

  void Step() {
    constexpr size_t kLine = 64;
    for (size_t at = 0; at < part_; at += kLine) {
      __builtin_prefetch(reinterpret_cast<const void*>(next_ + at));
    }
    next_ += part_;
  }

 private:
  uintptr_t next_;
  size_t part_;
};

}  // namespace
}  // namespace tael::TAEL_ISA
