// The integer matrix product over interleaved rows (quant/interleave.h): chooses the format and,
// by the number of activation rows, the tile.
#include "kernels/impl/block_formats.inl.h"

namespace tael::TAEL_ISA {
namespace {

template <class F>
void MatmulStrips(const IntegerProduct& a) {
  const StripProduct<F> product{a};
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m; begin += kStripPanelActs) {
    const size_t left = m - begin, count = left < kStripPanelActs ? left : kStripPanelActs;
    size_t j = 0;
    if (count >= kStripPanelMinRows<F>) {
      constexpr size_t kPass = kPassTiles * kStripTileRows;
      for (; j + kPass <= a.n; j += kPass) StripPanels<F, kPassTiles>(product, begin, count, j);
      for (; j < a.n; j += kStripTileRows) StripPanels<F, 1>(product, begin, count, j);
    } else {
      for (; j < a.n; j += kStripTileRows) StripTiles(product, begin, count, j);
    }
  }
}

void MatmulInterleaved(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                       size_t n, float* y, size_t ldy) noexcept {
  const IntegerProduct product{x, w, row_bytes, n, y, ldy};
#define TAEL_CASE(name) \
  case DType::k##name:  \
    return MatmulStrips<Strip##name>(product);
  switch (dtype) {
    TAEL_BLOCK_FORMATS(TAEL_CASE)
    default:
      __builtin_unreachable();  // the caller asked InterleavedLayoutOf()
  }
#undef TAEL_CASE
}

}  // namespace
}  // namespace tael::TAEL_ISA
