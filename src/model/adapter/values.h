// Numbers of an adapter and of the matrices it changes.
#pragma once

#include <functional>
#include <vector>

#include "checkpoint/tensor_index.h"
#include "tensor/adapter.h"

namespace tael {

// All elements of a tensor.
std::vector<float> Decoded(const TensorInfo& tensor);
// The matrix [rows, columns] as [columns, rows].
std::vector<float> Transposed(const std::vector<float>& values, int64_t rows, int64_t columns);
// Row i of the result is row order(i) of `values`, which has rows of `width`.
std::vector<float> Reordered(const std::vector<float>& values, int64_t width,
                             const std::function<int64_t(int64_t)>& order);

// The tensor [N, K] as a weight.
Weight Borrowed(const TensorInfo& tensor);
// Row n of a matrix whose rows lie whole in memory, or are packed. REQUIRES: !w.element_bytes.
void ReadRow(const Weight& w, int64_t n, std::vector<float>* row);
// The first row in which the two differ, or -1.
int64_t FirstDifference(const Weight& a, const Weight& b);

// magnitude[n] / |row n of W + scale * B A|, in the order of docs/numerics.md, adapters. The gain
// of a row of zeros is not finite.
std::vector<float> Gains(const Weight& w, const LowRankChange& change, const float* magnitude);

}  // namespace tael
