// The products of the AMX table, with every intrinsic replaced by plain C++ as in
// table_avx512_emulated_test.cc, and the tile registers by those of amx_emulation_test_support.h.
#if defined(__x86_64__)
#include "kernels/amx_emulation_test_support.h"
#include "kernels/avx512_emulation_test_support.h"
#include "kernels/kernel_test_support.h"
#include "kernels/table_headers.h"

#define TAEL_ISA amx_emulated

#include "kernels/isa/amx_config.h"

// The functions of isa/amx_tiles.h.
namespace tael::TAEL_ISA {
namespace {

void ConfigureTiles(const TileConfig& config) { TileUnit::Mine().Configure(&config); }
void ReleaseTiles() { TileUnit::Mine().Release(); }
template <int Tile>
void ZeroTile() {
  TileUnit::Mine().Zero(Tile);
}
template <int Tile>
void LoadTile(const void* p, size_t stride) {
  TileUnit::Mine().Load(Tile, p, stride);
}
template <int Tile>
void StoreTile(void* p, size_t stride) {
  TileUnit::Mine().Store(Tile, p, stride);
}
template <int Sum, int Left, int Right>
void AddSignedProducts() {
  TileUnit::Mine().Multiply(Sum, Left, Right, true, true);
}
template <int Sum, int Left, int Right>
void AddSignedUnsignedProducts() {
  TileUnit::Mine().Multiply(Sum, Left, Right, true, false);
}

template <int Sum, int Left, int Right>
void AddBf16Products() {
  TileUnit::Mine().MultiplyBf16(Sum, Left, Right);
}

}  // namespace
}  // namespace tael::TAEL_ISA

// clang-format off
// In the order of use.
#include "kernels/isa/amx_interleaved_kernels.h"
#include "kernels/isa/avx512_pairs.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/impl/matmul_bf16_tiles.inl.h"
// clang-format on

#include "kernels/isa/amx_attention_kernels.h"

namespace tael {
namespace {

void MatmulInterleavedAmxEmulated(const QuantizedRows& x, DType dtype, const uint8_t* w,
                                  size_t row_bytes, size_t n, float* y, size_t ldy) noexcept {
  amx_emulated::MatmulInterleavedInTiles(x, dtype, w, row_bytes, n, y, ldy);
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
  EXPECT_TRUE(TileUnit::Mine().released());
}

void AttentionAmxEmulated(const AttentionArgs& args) noexcept {
  if (args.dtype != DType::kQ8_0) return ScalarTable().attention(args);
  amx_emulated::AttentionInTiles(args);
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
  EXPECT_TRUE(TileUnit::Mine().released());
}

void MatmulBf16AmxEmulated(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n,
                           float* y, size_t ldy) noexcept {
  amx_emulated::MatmulBf16InTiles(x, w, row_bytes, n, y, ldy);
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
}

}  // namespace

const KernelTable& AmxEmulatedTable() {
  static const KernelTable table = [] {
    KernelTable emulated = ScalarTable();
    emulated.name = "amx_emulated";
    emulated.matmul_interleaved = MatmulInterleavedAmxEmulated;
    emulated.attention = AttentionAmxEmulated;
    emulated.matmul_bf16 = MatmulBf16AmxEmulated;
    emulated.arrange_bf16 = amx_emulated::ArrangeForTiles;
    return emulated;
  }();
  return table;
}

}  // namespace tael
#endif
