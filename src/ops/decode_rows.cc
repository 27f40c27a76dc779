#include "ops/decode_rows.h"

#include <algorithm>
#include <cstring>

namespace tael {
namespace {

constexpr int64_t kRowsTogether = 16, kInputsTogether = 64;

// Up to kRowsTogether rows of a matrix stored [K, N]: neighbours in memory belong to different
// rows, so each cache line is read once for all of them.
template <int64_t Size>
void DecodeSpreadRows(const Weight& w, int64_t first, int64_t count, const KernelTable& kernels,
                      float* out) noexcept {
  uint8_t gathered[kRowsTogether][kInputsTogether * Size];
  for (int64_t i = 0; i < w.k; i += kInputsTogether) {
    const int64_t inputs = std::min(kInputsTogether, w.k - i);
    for (int64_t j = 0; j < inputs; ++j) {
      const uint8_t* from = w.row(first) + (i + j) * w.element_bytes;
      for (int64_t r = 0; r < count; ++r) {
        std::memcpy(gathered[r] + j * Size, from + r * w.row_bytes, Size);
      }
    }
    for (int64_t r = 0; r < count; ++r) {
      kernels.decode_row(w.dtype, gathered[r], inputs, out + r * w.k + i);
    }
  }
}

void DecodeSpread(const Weight& w, int64_t first, int64_t count, const KernelTable& kernels,
                  float* out) noexcept {
  for (int64_t r = 0; r < count; r += kRowsTogether) {
    const int64_t rows = std::min(kRowsTogether, count - r);
    switch (Info(w.dtype).block_bytes) {
      case 2:
        DecodeSpreadRows<2>(w, first + r, rows, kernels, out + r * w.k);
        break;
      case 4:
        DecodeSpreadRows<4>(w, first + r, rows, kernels, out + r * w.k);
        break;
      default:
        DecodeSpreadRows<8>(w, first + r, rows, kernels, out + r * w.k);
    }
  }
}

}  // namespace

void DecodeRows(const Weight& w, int64_t first, int64_t count, const KernelTable& kernels,
                float* out) noexcept {
  if (w.packed != nullptr) {
    const RowRange rows{w.first_row + first * w.row_step, count, w.row_step};
    return DecodePacked(*w.packed, rows, kernels.packed, out);
  }
  if (w.element_bytes != 0) return DecodeSpread(w, first, count, kernels, out);
  for (int64_t r = 0; r < count; ++r) {
    kernels.decode_row(w.dtype, w.row(first + r), w.k, out + r * w.k);
  }
}

}  // namespace tael
