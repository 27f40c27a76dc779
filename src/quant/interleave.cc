#include "quant/interleave.h"

#include <cstring>

namespace tael {
namespace {

// Where the pieces of a strip of `blocks` blocks lie.
struct Strip {
  InterleavedLayout layout;
  size_t blocks;

  size_t Odd(size_t block, size_t row) const { return (block * kStripRows + row) * layout.odd; }
  size_t Word(size_t block, size_t word, size_t row) const {
    return Odd(blocks, 0) + ((block * layout.words + word) * kStripRows + row) * 4;
  }
  // Inside a block of one row.
  size_t OddOfRow() const { return layout.odd_first ? 0 : 4 * layout.words; }
  size_t WordsOfRow() const { return layout.odd_first ? layout.odd : 0; }
};

}  // namespace

InterleavedLayout InterleavedLayoutOf(DType dtype) {
  switch (dtype) {
    case DType::kQ4_0:
    case DType::kIQ4_NL:
      return {.words = 4, .odd = 2, .odd_first = true};
    case DType::kQ4_1:
      return {.words = 5};
    case DType::kQ5_0:
      return {.words = 5, .odd = 2, .odd_first = true};
    case DType::kQ5_1:
      return {.words = 6};
    case DType::kQ8_0:
      return {.words = 8, .odd = 2, .odd_first = true};
    case DType::kMXFP4:
      return {.words = 4, .odd = 1, .odd_first = true};
    case DType::kQ2_K:
      return {.words = 21};
    case DType::kQ3_K:
      return {.words = 27, .odd = 2};
    case DType::kQ4_K:
      return {.words = 36};
    case DType::kQ5_K:
      return {.words = 44};
    case DType::kQ6_K:
      return {.words = 52, .odd = 2};
    case DType::kIQ4_XS:
      return {.words = 34};
    default:
      return {};
  }
}

void InterleaveRows(DType dtype, const uint8_t* rows, size_t row_bytes, size_t blocks,
                    uint8_t* strip) noexcept {
  const Strip at{InterleavedLayoutOf(dtype), blocks};
  for (size_t b = 0; b < blocks; ++b) {
    const uint8_t* block = rows + b * at.layout.block_bytes();
    for (size_t r = 0; r < kStripRows; ++r) {
      std::memcpy(strip + at.Odd(b, r), block + r * row_bytes + at.OddOfRow(), at.layout.odd);
    }
    const uint8_t* words = block + at.WordsOfRow();
    uint8_t* out = strip + at.Word(b, 0, 0);
    for (size_t w = 0; w < at.layout.words; ++w) {
      for (size_t r = 0; r < kStripRows; ++r, out += 4) {
        std::memcpy(out, words + r * row_bytes + 4 * w, 4);
      }
    }
  }
}

void CopyInterleavedRow(DType dtype, const uint8_t* strip, size_t blocks, size_t row,
                        uint8_t* out) noexcept {
  const Strip at{InterleavedLayoutOf(dtype), blocks};
  for (size_t b = 0; b < blocks; ++b, out += at.layout.block_bytes()) {
    std::memcpy(out + at.OddOfRow(), strip + at.Odd(b, row), at.layout.odd);
    for (size_t w = 0; w < at.layout.words; ++w) {
      std::memcpy(out + at.WordsOfRow() + 4 * w, strip + at.Word(b, w, row), 4);
    }
  }
}

}  // namespace tael
