// Chooses the format's tile code for an integer matrix product; formats without a struct of their
// own go through their unpacked form. Needs the formats, VectorTile (kRowTile weight rows, few
// activation rows) and PanelTile (kPanelRows weight rows, at least kPanelMinRows activation rows).
#include "kernels/impl/block_formats.inl.h"

namespace tael::TAEL_ISA {
namespace {

template <class F>
void MatmulTiles(const IntegerProduct& a, F& f) {
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m; begin += kIntegerActs) {
    const size_t left = m - begin, count = left < kIntegerActs ? left : kIntegerActs;
    if (count >= kPanelMinRows<F>) {
      for (size_t j = 0; j < a.n; j += kPanelRows) PanelTile(a, f, begin, count, j);
      continue;
    }
    for (size_t j = 0; j < a.n; j += kRowTile) VectorTile(a, f, begin, count, j);
  }
}

template <class F>
void MatmulDirect(const IntegerProduct& a) {
  F f;
  MatmulTiles(a, f);
}

template <size_t Size>
void MatmulUnpacked(const IntegerProduct& a, DType dtype) {
  AnyFormat<Size> f;
  f.dtype = dtype;
  MatmulTiles(a, f);
}

void MatmulInteger(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                   size_t n, float* y, size_t ldy) noexcept {
  const IntegerProduct product{x, w, row_bytes, n, y, ldy};
#define TAEL_CASE(name) \
  case DType::k##name:  \
    return MatmulDirect<Format##name>(product);
  switch (dtype) {
    TAEL_BLOCK_FORMATS(TAEL_CASE)
    default:
      break;
  }
#undef TAEL_CASE
  const size_t size = IntegerBlockSize(dtype);
  if (size == 256 && !HasMinimum(dtype)) return MatmulUnpacked<256>(product, dtype);
  if (size == 32 && !HasMinimum(dtype)) return MatmulUnpacked<32>(product, dtype);
  MatmulIntegerAny(x, dtype, w, row_bytes, n, y, ldy);
}

}  // namespace
}  // namespace tael::TAEL_ISA
