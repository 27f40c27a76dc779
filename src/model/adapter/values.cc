#include "model/adapter/values.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tael {
namespace {

double RowNorm(const Weight& w, const LowRankChange& change, int64_t n, std::vector<float>* row) {
  ReadRow(w, n, row);
  for (int64_t r = 0; r < change.rank; ++r) {
    const float factor = change.scale * change.b[static_cast<size_t>(n * change.rank + r)];
    const float* a = change.a.data() + r * w.k;
    for (int64_t i = 0; i < w.k; ++i) (*row)[static_cast<size_t>(i)] += factor * a[i];
  }
  std::array<double, 16> lanes{};
  for (size_t i = 0; i < row->size(); ++i) {
    lanes[i % 16] += static_cast<double>((*row)[i]) * static_cast<double>((*row)[i]);
  }
  for (size_t half = 8; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return std::sqrt(lanes[0]);
}

}  // namespace

std::vector<float> Decoded(const TensorInfo& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  std::vector<float> values(static_cast<size_t>(count));
  DecodeRow(tensor.dtype, tensor.bytes.data(), count, values.data());
  return values;
}

std::vector<float> Transposed(const std::vector<float>& values, int64_t rows, int64_t columns) {
  std::vector<float> out(values.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      out[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
    }
  }
  return out;
}

std::vector<float> Reordered(const std::vector<float>& values, int64_t width,
                             const std::function<int64_t(int64_t)>& order) {
  std::vector<float> out(values.size());
  const int64_t rows = static_cast<int64_t>(values.size()) / width;
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(values.begin() + order(i) * width, width, out.begin() + i * width);
  }
  return out;
}

Weight Borrowed(const TensorInfo& tensor) {
  return {.dtype = tensor.dtype,
          .n = tensor.shape[0],
          .k = tensor.shape[1],
          .data = tensor.bytes.data(),
          .row_bytes = static_cast<int64_t>(tensor.bytes.size()) / tensor.shape[0]};
}

void ReadRow(const Weight& w, int64_t n, std::vector<float>* row) {
  row->resize(static_cast<size_t>(w.k));
  if (w.packed != nullptr) {
    DecodePacked(*w.packed, {.first = w.first_row + n * w.row_step, .count = 1}, kPlainDecoders,
                 row->data());
  } else {
    DecodeRow(w.dtype, w.row(n), w.k, row->data());
  }
}

int64_t FirstDifference(const Weight& a, const Weight& b) {
  std::vector<float> row, other;
  for (int64_t n = 0; n < a.n; ++n) {
    ReadRow(a, n, &row);
    ReadRow(b, n, &other);
    if (row != other) return n;
  }
  return -1;
}

std::vector<float> Gains(const Weight& w, const LowRankChange& change, const float* magnitude) {
  std::vector<float> gains(static_cast<size_t>(w.n)), row;
  for (int64_t n = 0; n < w.n; ++n) {
    gains[static_cast<size_t>(n)] =
        static_cast<float>(static_cast<double>(magnitude[n]) / RowNorm(w, change, n, &row));
  }
  return gains;
}

}  // namespace tael
