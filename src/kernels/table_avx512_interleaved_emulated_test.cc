// The products of the AVX-512 table over interleaved rows, emulated as in
// table_avx512_emulated_test.cc.
#if defined(__x86_64__)
#include "kernels/avx512_emulation_test_support.h"
#include "kernels/kernel_test_support.h"
#include "kernels/table_headers.h"

#define TAEL_ISA avx512_emulated

#include "kernels/isa/avx512_interleaved_kernels.h"

namespace tael {

void MatmulInterleavedAvx512Emulated(const QuantizedRows& x, DType dtype, const uint8_t* w,
                                     size_t row_bytes, size_t n, float* y, size_t ldy) noexcept {
  avx512_emulated::MatmulInterleaved(x, dtype, w, row_bytes, n, y, ldy);
}

}  // namespace tael
#endif
