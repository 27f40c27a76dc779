// Rows of matrices stored by columns: the values of the same matrix stored by rows, for odd sizes.
#include "ops/decode_rows.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace tael {
namespace {

// Row r, input i of [n, k] lies at (i * columns + r * step): `step` elements between rows.
void ExpectSameRows(DType dtype, int64_t n, int64_t k, int64_t step) {
  const int64_t size = Info(dtype).block_bytes, columns = n * step + 1;
  std::vector<uint8_t> by_columns(static_cast<size_t>(columns * k * size), 0x11);
  std::vector<uint8_t> by_rows(static_cast<size_t>(n * k * size));
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t i = 0; i < k; ++i) {
      uint8_t* element = by_rows.data() + (r * k + i) * size;
      for (int64_t b = 0; b < size; ++b) {
        element[b] = static_cast<uint8_t>((r * 7 + i * 13 + b * 5) % 60 + 1);
      }
      std::memcpy(by_columns.data() + (i * columns + r * step) * size, element,
                  static_cast<size_t>(size));
    }
  }
  const Weight spread{.dtype = dtype,
                      .n = n,
                      .k = k,
                      .data = by_columns.data(),
                      .row_bytes = step * size,
                      .element_bytes = columns * size};
  const Weight plain{.dtype = dtype, .n = n, .k = k, .data = by_rows.data(), .row_bytes = k * size};
  const KernelTable& kernels = *SupportedKernelTables()[0];
  for (const int64_t first : {int64_t{0}, n / 3}) {
    const int64_t count = n - first;
    std::vector<float> found(static_cast<size_t>(count * k)), wanted(found.size());
    DecodeRows(spread, first, count, kernels, found.data());
    DecodeRows(plain, first, count, kernels, wanted.data());
    EXPECT_EQ(found, wanted) << Name(dtype) << " " << n << " x " << k << " step " << step;
  }
}

TEST(DecodeRows, OfColumnsAreThoseOfRows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int64_t step : {1, 2}) {
      ExpectSameRows(dtype, 37, 131, step);
      ExpectSameRows(dtype, 16, 64, step);
      ExpectSameRows(dtype, 1, 3, step);
    }
  }
}

}  // namespace
}  // namespace tael
