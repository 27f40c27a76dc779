// The NEON table for Armv8.6 or i8mm (Neoverse V1, N2, Apple M2 and later): that of SDOT, but for
// products of many activation rows over interleaved rows, by SMMLA.
#if defined(__aarch64__)
#include "kernels/table_headers.h"

#define TAEL_ISA neon_i8mm

#include "kernels/isa/target_neon_i8mm_begin.h"
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
#include "kernels/impl/interleaved_matrix_panel.inl.h"
#include "kernels/impl/matmul_interleaved.inl.h"
// clang-format on
#include "kernels/isa/target_end.h"

namespace tael {
namespace {

void MatmulInterleavedI8mm(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                           size_t n, float* y, size_t ldy) noexcept {
  neon_i8mm::MatmulInterleaved(x, dtype, w, row_bytes, n, y, ldy);
}

}  // namespace

const KernelTable& NeonI8mmTable() {
  static const KernelTable table =
      WithInterleavedProduct(kNeonTable, "neon_i8mm", MatmulInterleavedI8mm);
  return table;
}

}  // namespace tael
#endif
