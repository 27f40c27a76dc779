// A matrix of interleaved rows (quant/interleave.h) and the activations that pass over it.
#include "kernels/impl/block_formats.inl.h"

namespace tael::TAEL_ISA {
namespace {

template <class F>
struct StripProduct {
  const IntegerProduct& a;
  size_t blocks() const { return a.x.k / F::kSize; }
  // Block b of the strip of rows j .. j + 7.
  StripBlock Block(size_t j, size_t b) const {
    const uint8_t* strip = a.w + j * a.row_bytes;
    return {strip + kRowTile * (blocks() * F::kOdd + b * 4 * F::kWords),
            strip + kRowTile * b * F::kOdd};
  }
  // Part b of the bytes of that strip, cut into as many equal parts as it has blocks.
  const uint8_t* Part(size_t j, size_t b) const {
    return a.w + j * a.row_bytes + b * kRowTile * F::kBytes;
  }
};

// How many of `count` rows the first of the fewest passes takes, of at most `most` rows each.
constexpr size_t EqualShare(size_t count, size_t most) {
  const size_t passes = (count + most - 1) / most;
  return (count + passes - 1) / passes;
}

// Asks for the block that lies `kFetchDistance` bytes behind: strips are read from end to end, and
// the processor alone does not look across pages.
inline constexpr size_t kFetchDistance = 4096;
// Part of its caller at any rate: GCC takes a function that only fetches for one without effect.
// `skip`: what lies behind that is read next, besides.
template <class F>
[[gnu::always_inline]] inline void FetchStrip(const StripBlock& block, size_t skip = 0) {
  constexpr size_t kLine = 64;
  ForEach<(kRowTile * F::kBytes + kLine - 1) / kLine>([&](auto line) TAEL_INLINE_LAMBDA {
    __builtin_prefetch(block.words + kFetchDistance + skip + kLine * line);
  });
}

// The same where one strip is read after the other, asked for run by run: many lines at once would
// fill the processor's list of what it waits for, and the loads behind them would wait. The bytes
// of the strip are walked, not its blocks: between the words of two strips lie odd bytes, a gap
// that is a wait for memory per strip. So far ahead because a strip may be as short as that.
inline constexpr size_t kFetchPartDistance = 8192;
// Step `Step` of `Steps` that fetch what lies so far behind the `Bytes` bytes at `part`.
template <size_t Bytes, size_t Step, size_t Steps>
[[gnu::always_inline]] inline void FetchPart(const uint8_t* part) {
  constexpr size_t kLine = 64, kLines = (Bytes + kLine - 1) / kLine;
  constexpr size_t kFrom = Step * kLines / Steps, kTo = (Step + 1) * kLines / Steps;
  ForEach<kTo - kFrom>([&](auto line) TAEL_INLINE_LAMBDA {
    __builtin_prefetch(part + kFetchPartDistance + kLine * (kFrom + line));
  });
}

// Lines of strips that are fetched a few at a time while activation rows pass over panels made of
// others. Asked for all at once, when panels are made, they would be waited for, and while the rows
// pass nothing would be read from memory.
template <size_t Strips>
class LinesAhead {
 public:
  // Of blocks [first, first + count), as far as there are such, of the strips from row j on.
  template <class F>
  void Take(const StripProduct<F>& product, size_t j, size_t first, size_t count) {
    const size_t blocks = product.blocks();
    if (first + count > blocks) count = blocks - first;
    for (size_t s = 0; s < Strips && j < product.a.n; ++s, j += kRowTile) {
      const StripBlock block = product.Block(j, first);
      Add(block.words, 4 * F::kWords * kRowTile * count);
      if constexpr (F::kOdd != 0) Add(block.odd, F::kOdd * kRowTile * count);
    }
  }
  // How many each of `parts` equal parts has, the last ones fewer.
  size_t ForEachOf(size_t parts) const { return (lines_ + parts - 1) / parts; }
  void Fetch(size_t lines) {
    while (lines > 0 && at_ < count_) {
      Stretch& from = stretches_[at_];
      const size_t some = lines < from.lines ? lines : from.lines;
      uintptr_t line = from.begin;
      for (size_t i = 0; i < some; ++i, line += kLine) {
        __builtin_prefetch(reinterpret_cast<const void*>(line));
      }
      from = {line, from.lines - some};
      lines -= some;
      if (from.lines == 0) ++at_;
    }
  }

 private:
  struct Stretch {
    uintptr_t begin;
    size_t lines;
  };
  static constexpr size_t kLine = 64;

  void Add(const uint8_t* data, size_t bytes) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(data) / kLine * kLine;
    const uintptr_t end = reinterpret_cast<uintptr_t>(data) + bytes;
    const size_t lines = (end - begin + kLine - 1) / kLine;
    stretches_[count_++] = {begin, lines};
    lines_ += lines;
  }

  Stretch stretches_[2 * Strips];
  size_t count_ = 0, at_ = 0, lines_ = 0;
};

// Calls fn(format) with the type of interleaved rows of `dtype`. REQUIRES: it has a layout.
template <class Fn>
inline void WithStripFormat(DType dtype, const Fn& fn) {
#define TAEL_CASE(name) \
  case DType::k##name:  \
    return fn(Strip##name());
  switch (dtype) {
    TAEL_BLOCK_FORMATS(TAEL_CASE)
    default:
      __builtin_unreachable();  // the caller asked InterleavedLayoutOf()
  }
#undef TAEL_CASE
}

}  // namespace
}  // namespace tael::TAEL_ISA
