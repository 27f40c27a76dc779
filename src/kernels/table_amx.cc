// The AMX table: that of AVX-512, but for products of many activation rows over interleaved rows
// and the scores of several query rows with keys of Q8_0, which are computed in tile registers
// (docs/decisions/0037-amx.md).
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
#include "kernels/isa/amx_interleaved_kernels.h"
#include "kernels/isa/amx_attention_kernels.h"
#include "kernels/isa/target_end.h"
// clang-format on
#pragma GCC diagnostic pop

namespace tael {
namespace {

// Below, unpacking weights for tiles takes longer than multiplying them without. Reckoned, not
// measured.
constexpr size_t kTileMinActs = 8;
// Below, loading keys as tiles takes as long as multiplying them without. Reckoned, not measured.
constexpr size_t kTileMinQueries = 5;

void MatmulInterleavedAmx(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                          size_t n, float* y, size_t ldy) noexcept {
  const auto product = x.rows < kTileMinActs ? MatmulInterleavedAvx512 : MatmulInterleavedInTiles;
  product(x, dtype, w, row_bytes, n, y, ldy);
}

StripTiling InterleavedTilingAmx(DType dtype, size_t m) noexcept {
  return m < kTileMinActs ? InterleavedTilingAvx512(dtype, m) : amx::TilingInTiles(dtype, m);
}

void AttentionAmx(const AttentionArgs& a) noexcept {
  const bool tiles = a.dtype == DType::kQ8_0 && a.tokens * a.heads >= kTileMinQueries;
  (tiles ? amx::AttentionInTiles : kAvx512Table.attention)(a);
}

// The product for fewer than kTileMinActs rows, which reads the first copy.
decltype(KernelTable::matmul_bf16)& FewRowsBf16() {
  static decltype(KernelTable::matmul_bf16) product = nullptr;
  return product;
}
void MatmulBf16Amx(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                   size_t ldy) noexcept {
  const auto product = x.rows < kTileMinActs ? FewRowsBf16() : MatmulBf16InTiles;
  product(x, w, row_bytes, n, y, ldy);
}

}  // namespace

void MatmulInterleavedInTiles(const QuantizedRows& x, DType dtype, const uint8_t* w,
                              size_t row_bytes, size_t n, float* y, size_t ldy) noexcept {
  amx::MatmulInterleavedInTiles(x, dtype, w, row_bytes, n, y, ldy);
}

void AttentionInTiles(const AttentionArgs& args) noexcept { amx::AttentionInTiles(args); }

const KernelTable& AmxTable(const KernelTable& base, bool bf16_tiles) {
  static const KernelTable table = [&] {
    KernelTable amx = WithInterleavedProduct(base, "amx", MatmulInterleavedAmx);
    amx.interleaved_tiling = InterleavedTilingAmx;
    amx.attention = AttentionAmx;
    if (bf16_tiles) {
      FewRowsBf16() = base.matmul_bf16;
      amx.matmul_bf16 = MatmulBf16Amx;
      amx.arrange_bf16 = ArrangeForTiles;
    }
    return amx;
  }();
  return table;
}

}  // namespace tael
#endif
