// Rows of block formats, interleaved by eight: the same bytes in an order in which one load has the
// same piece of eight rows. Vector products need no adding across then (docs/decisions/0031).
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/dtype.h"

namespace tael {

// Rows of a strip.
inline constexpr size_t kStripRows = 8;

// How a block of one row is cut up: `words` of four bytes, and `odd` bytes, before or after them.
struct InterleavedLayout {
  size_t words = 0, odd = 0;
  bool odd_first = false;
  size_t block_bytes() const { return 4 * words + odd; }
};

// All zeros where rows of the format are not interleaved.
InterleavedLayout InterleavedLayoutOf(DType dtype);

// A strip takes the bytes of its rows. With B blocks per row it holds the odd bytes, [B][8][odd],
// then the words, [B][words][8].
//
// Writes the strip of the eight rows at `rows`, `row_bytes` apart, of `blocks` blocks each.
// REQUIRES: the format has a layout.
void InterleaveRows(DType dtype, const uint8_t* rows, size_t row_bytes, size_t blocks,
                    uint8_t* strip) noexcept;

// Writes row `row` (0 to 7) of the strip as it was.
void CopyInterleavedRow(DType dtype, const uint8_t* strip, size_t blocks, size_t row,
                        uint8_t* out) noexcept;

}  // namespace tael
