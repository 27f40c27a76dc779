// The products of the NEON table over interleaved rows, apart from the rest of it so that compilers
// work on both at once.
#if defined(__aarch64__)
#include "kernels/table_headers.h"

#define TAEL_ISA neon

#include "kernels/isa/target_neon_begin.h"
// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/neon_dot.h"
#include "kernels/isa/neon_integer.h"
#include "kernels/isa/neon_formats.h"
#include "kernels/isa/neon_strips.h"
#include "kernels/isa/neon_strip_formats.h"
#include "kernels/impl/fetch_ahead.inl.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/isa/neon_tiles.h"
#include "kernels/impl/strip_product.inl.h"
#include "kernels/impl/interleaved_dot_tile.inl.h"
#include "kernels/impl/interleaved_dot_panel.inl.h"
#include "kernels/impl/matmul_interleaved.inl.h"
// clang-format on
#include "kernels/isa/target_end.h"

namespace tael {

void MatmulInterleavedNeon(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                           size_t n, float* y, size_t ldy) noexcept {
  neon::MatmulInterleaved(x, dtype, w, row_bytes, n, y, ldy);
}

}  // namespace tael
#endif
