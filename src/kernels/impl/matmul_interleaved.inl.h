// The integer matrix product over interleaved rows (quant/interleave.h): chooses the format and,
// by the number of activation rows, the tile.
namespace tael::TAEL_ISA {
namespace {

// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kStripPanelMinRows = 12;

template <class F>
void MatmulStrips(const IntegerProduct& a) {
  const StripProduct<F> product{a};
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m; begin += kIntegerActs) {
    const size_t left = m - begin, count = left < kIntegerActs ? left : kIntegerActs;
    size_t j = 0;
    if (count >= kStripPanelMinRows<F>) {
      for (; j + kPassStrips * kRowTile <= a.n; j += kPassStrips * kRowTile) {
        StripPanels<F, kPassStrips>(product, begin, count, j);
      }
      if (j < a.n) StripPanels<F, 1>(product, begin, count, j);
    } else {
      for (; j < a.n; j += kRowTile) StripTiles(product, begin, count, j);
    }
  }
}

void MatmulInterleaved(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                       size_t n, float* y, size_t ldy) noexcept {
  const IntegerProduct product{x, w, row_bytes, n, y, ldy};
  switch (dtype) {
    case DType::kQ4_0:
      return MatmulStrips<StripQ4_0>(product);
    case DType::kQ4_1:
      return MatmulStrips<StripQ4_1>(product);
    case DType::kQ5_0:
      return MatmulStrips<StripQ5_0>(product);
    case DType::kQ5_1:
      return MatmulStrips<StripQ5_1>(product);
    case DType::kQ8_0:
      return MatmulStrips<StripQ8_0>(product);
    case DType::kIQ4_NL:
      return MatmulStrips<StripIQ4_NL>(product);
    case DType::kMXFP4:
      return MatmulStrips<StripMXFP4>(product);
    case DType::kQ2_K:
      return MatmulStrips<StripQ2_K>(product);
    case DType::kQ3_K:
      return MatmulStrips<StripQ3_K>(product);
    case DType::kQ4_K:
      return MatmulStrips<StripQ4_K>(product);
    case DType::kQ5_K:
      return MatmulStrips<StripQ5_K>(product);
    case DType::kQ6_K:
      return MatmulStrips<StripQ6_K>(product);
    case DType::kIQ4_XS:
      return MatmulStrips<StripIQ4_XS>(product);
    default:
      __builtin_unreachable();  // the caller asked InterleavedLayoutOf()
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
