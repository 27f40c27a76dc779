// The products of the AMX table as the product has them, on a processor with AVX-512 but without
// AMX: amx_trap_test_support.h stands in for the tile instructions.
#if defined(__x86_64__)
#include <cstring>

#include "kernels/amx_trap_test_support.h"
#include "kernels/kernel_test_support.h"
#include "kernels/tables.h"

namespace tael {
namespace {

void MatmulInterleavedAmxTrapped(const QuantizedRows& x, DType dtype, const uint8_t* w,
                                 size_t row_bytes, size_t n, float* y, size_t ldy) noexcept {
  const TrapTileInstructions trap;
  MatmulInterleavedInTiles(x, dtype, w, row_bytes, n, y, ldy);
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
  EXPECT_TRUE(TileUnit::Mine().released());
}

void AttentionAmxTrapped(const AttentionArgs& args) noexcept {
  if (args.dtype != DType::kQ8_0) return ScalarTable().attention(args);
  const TrapTileInstructions trap;
  AttentionInTiles(args);
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
  EXPECT_TRUE(TileUnit::Mine().released());
}

void MatmulBf16AmxTrapped(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                          size_t ldy) noexcept {
  const TrapTileInstructions trap;
  MatmulBf16InTiles(x, w, row_bytes, n, y, ldy);
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
}

bool HasTable(const char* name) {
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    if (std::strcmp((*table)->name, name) == 0) return true;
  }
  return false;
}

}  // namespace

const KernelTable* AmxTrappedTable() {
  if (!HasTable("avx512") || HasTable("amx")) return nullptr;
  static const KernelTable table = [] {
    KernelTable trapped = ScalarTable();
    trapped.name = "amx_trapped";
    trapped.matmul_interleaved = MatmulInterleavedAmxTrapped;
    trapped.attention = AttentionAmxTrapped;
    trapped.matmul_bf16 = MatmulBf16AmxTrapped;
    trapped.arrange_bf16 = ArrangeForTiles;
    return trapped;
  }();
  return &table;
}

}  // namespace tael
#endif
