// Activations rounded to BF16 for the products of `--matmul bf16` (docs/numerics.md, 17).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tael {

// Elements of a block of K: two chains of sixteen.
inline constexpr size_t kBf16Block = 32;
constexpr size_t PaddedToBf16Blocks(size_t k) {
  return (k + kBf16Block - 1) / kBf16Block * kBf16Block;
}

// Borrowed memory, laid out by ops: a row has PaddedToBf16Blocks(k) elements, those
// behind k are +0, and as many again where a table has a second copy.
//   first copy   the elements in their order
//   second copy  of KernelTable::arrange_bf16: blocks in an order of its own
struct Bf16Rows {
  uint16_t* data = nullptr;
  size_t rows = 0, k = 0;
  size_t stride = 0;  // elements from one row to the next

  size_t k_padded() const { return PaddedToBf16Blocks(k); }
};

}  // namespace tael
