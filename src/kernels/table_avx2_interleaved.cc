// The products of the AVX2 table over interleaved rows, apart from the rest of it so that compilers
// work on both at once.
#if defined(__x86_64__)
#include "kernels/table_headers.h"

#define TAEL_ISA avx2

#include "kernels/isa/target_avx2_begin.h"
// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx2.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx2_dot.h"
#include "kernels/isa/avx2_formats.h"
#include "kernels/isa/avx2_strips.h"
#include "kernels/isa/x86_strip_formats.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/impl/strip_product.inl.h"
#include "kernels/impl/panel_chains.inl.h"
#include "kernels/impl/interleaved_pair_tile.inl.h"
#include "kernels/impl/interleaved_strip_tile.inl.h"
#include "kernels/impl/interleaved_pair_panel.inl.h"
#include "kernels/impl/matmul_interleaved.inl.h"
// clang-format on
#include "kernels/isa/target_end.h"

namespace tael {

void MatmulInterleavedAvx2(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                           size_t n, float* y, size_t ldy) noexcept {
  avx2::MatmulInterleaved(x, dtype, w, row_bytes, n, y, ldy);
}

StripTiling InterleavedTilingAvx2(DType dtype, size_t m) noexcept {
  return avx2::InterleavedTiling(dtype, m);
}

}  // namespace tael
#endif
