#include "ops/decode_rows.h"

#include <algorithm>
#include <cstring>

namespace tael {
namespace {

// One row whose elements do not lie side by side.
void DecodeSpreadRow(const Weight& w, int64_t row, float* out) noexcept {
  constexpr int64_t kTogether = 64;
  const int64_t size = Info(w.dtype).block_bytes;
  uint8_t gathered[kTogether * sizeof(double)];
  for (int64_t i = 0; i < w.k; i += kTogether) {
    const int64_t count = std::min(kTogether, w.k - i);
    const uint8_t* from = w.row(row) + i * w.element_bytes;
    for (int64_t j = 0; j < count; ++j) {
      std::memcpy(gathered + j * size, from + j * w.element_bytes, static_cast<size_t>(size));
    }
    DecodeRow(w.dtype, gathered, count, out + i);
  }
}

}  // namespace

void DecodeRows(const Weight& w, int64_t first, int64_t count, const KernelTable& kernels,
                float* out) noexcept {
  if (w.packed != nullptr) {
    const RowRange rows{w.first_row + first * w.row_step, count, w.row_step};
    return DecodePacked(*w.packed, rows, kernels.packed, out);
  }
  for (int64_t r = 0; r < count; ++r) {
    if (w.element_bytes != 0) {
      DecodeSpreadRow(w, first + r, out + r * w.k);
    } else {
      DecodeRow(w.dtype, w.row(first + r), w.k, out + r * w.k);
    }
  }
}

}  // namespace tael
