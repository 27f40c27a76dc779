// Borrowed views of matrices: float rows in memory and weights in any storage format.
#pragma once

#include <cstdint>
#include <memory>

#include "quant/dtype.h"
#include "quant/packed_matrix.h"

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
// row's size where other rows lie between them; or, for matrices made of several tensors, rows of a
// packed one. Borrowed from the checkpoint's mapping. Its values: DecodeRows() (ops/decode_rows.h).
struct Weight {
  DType dtype = DType::kF32;  // of `data`; says nothing about a packed matrix
  int64_t n = 0, k = 0;
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;
  // Distance of neighbours in a row where they do not lie side by side, because the matrix is
  // stored [K, N]; plain float types only. 0: they do.
  int64_t element_bytes = 0;
  // When set, row r is row first_row + r * row_step of it, and `data` is not used.
  std::shared_ptr<const PackedMatrix> packed = nullptr;
  int64_t first_row = 0, row_step = 1;

  bool empty() const { return data == nullptr && packed == nullptr; }
  const uint8_t* row(int64_t r) const { return data + r * row_bytes; }
  // Of its own elements; of a part of a packed matrix, its share.
  int64_t bytes() const {
    return packed == nullptr ? n * StorageBytes(dtype, k).value_or(0)
                             : packed->bytes * n / packed->n;
  }
};

}  // namespace tael
