// Borrowed views of matrices: float rows in memory and weights in any storage format.
#pragma once

#include <cstdint>

#include "quant/dtype.h"

namespace tael {

// rows x cols, row-major, rows `stride` elements apart. Borrowed.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0, cols = 0, stride = 0;
  T* row(int64_t r) const { return data + r * stride; }
};

template <typename T>
MatrixView<const T> Const(const MatrixView<T>& m) {
  return {m.data, m.rows, m.cols, m.stride};
}

// A weight [N, K]: N output rows of K inputs, each row `row_bytes` bytes of `dtype` blocks.
// Borrowed from the checkpoint's mapping.
struct Weight {
  DType dtype = DType::kF32;
  int64_t n = 0, k = 0;
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;
  bool empty() const { return data == nullptr; }
  const uint8_t* row(int64_t r) const { return data + r * row_bytes; }
  int64_t bytes() const { return n * row_bytes; }
};

}  // namespace tael
