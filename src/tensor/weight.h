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

// A weight [N, K]: N output rows of K inputs in `dtype` blocks, rows `row_bytes` apart: more than a
// row's size where other rows lie between them. Borrowed from the checkpoint's mapping.
struct Weight {
  DType dtype = DType::kF32;
  int64_t n = 0, k = 0;
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;
  // Distance of neighbours in a row where they do not lie side by side, because the matrix is
  // stored [K, N]; plain float types only. 0: they do.
  int64_t element_bytes = 0;
  bool empty() const { return data == nullptr; }
  const uint8_t* row(int64_t r) const { return data + r * row_bytes; }
  int64_t bytes() const { return n * StorageBytes(dtype, k).value_or(0); }  // of its own elements
};

}  // namespace tael
