// The products of the AVX-512 table over interleaved rows, apart from the rest of it so that
// compilers work on both at once.
#if defined(__x86_64__)
#include "kernels/table_headers.h"

#define TAEL_ISA avx512

#pragma GCC diagnostic push
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
// clang-format off
#include "kernels/isa/target_avx512_begin.h"
#include "kernels/isa/avx512_interleaved_kernels.h"
#include "kernels/isa/target_end.h"
// clang-format on
#pragma GCC diagnostic pop

namespace tael {

void MatmulInterleavedAvx512(const QuantizedRows& x, DType dtype, const uint8_t* w,
                             size_t row_bytes, size_t n, float* y, size_t ldy) noexcept {
  avx512::MatmulInterleaved(x, dtype, w, row_bytes, n, y, ldy);
}

StripTiling InterleavedTilingAvx512(DType dtype, size_t m) noexcept {
  return avx512::InterleavedTiling(dtype, m);
}

}  // namespace tael
#endif
