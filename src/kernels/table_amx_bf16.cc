// The BF16 products of the AMX table in tile registers.
#if defined(__x86_64__)
#include "kernels/table_headers.h"

#define TAEL_ISA amx

#pragma GCC diagnostic push
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
// clang-format off
#include "kernels/isa/target_amx_begin.h"
#include "kernels/isa/amx_config.h"
#include "kernels/isa/amx_tiles.h"
#include "kernels/isa/amx_bf16_kernels.h"
#include "kernels/isa/target_end.h"
// clang-format on
#pragma GCC diagnostic pop

namespace tael {

void MatmulBf16InTiles(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                       size_t ldy) noexcept {
  amx::MatmulBf16InTiles(x, w, row_bytes, n, y, ldy);
}

void ArrangeForTiles(const Bf16Rows& rows) noexcept { amx::ArrangeForTiles(rows); }

}  // namespace tael
#endif
