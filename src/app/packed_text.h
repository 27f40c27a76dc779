// How products with a packed matrix are computed, in words for people.
#pragma once

#include "quant/packed_matrix.h"

namespace tael {

inline const char* PackedMatmulText(const PackedMatrix& matrix, bool integer_matmul) {
  if (integer_matmul && CodeShapeOf(matrix).blocks != 0) return "int8, activations in blocks of 32";
  return "decoded to float32";
}

}  // namespace tael
