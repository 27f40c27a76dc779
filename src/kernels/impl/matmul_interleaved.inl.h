// The integer matrix product over interleaved rows (quant/interleave.h): chooses the format and,
// by the number of activation rows, the tile.
namespace tael::TAEL_ISA {
namespace {

// The strip from row j on with the activation rows [begin, begin + count), in passes that are as
// equal as they can be.
template <class F>
inline void StripTiles(const StripProduct<F>& product, size_t begin, size_t count, size_t j) {
  while (count > 0) {
    const size_t acts = EqualShare(count, kStripActs);
    ForEach<kStripActs>([&](auto n) TAEL_INLINE_LAMBDA {
      if (acts == n + 1) StripTile<F, n + 1>(product, begin, j);
    });
    begin += acts;
    count -= acts;
  }
}

// How m activation rows pass over strips: in panels from some number on.
template <class F>
constexpr StripTiling TilingOf(size_t m) {
  const size_t count = m < kStripPanelActs ? m : kStripPanelActs;
  if (count < kStripPanelMinRows<F>) return {kRowTile, F::kSize, EqualShare(count, kStripActs)};
  return {kPassTiles * kPanelRows, kPanelSpan, count, true};
}

template <class F>
void MatmulStrips(const IntegerProduct& a) {
  const StripProduct<F> product{a};
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m; begin += kStripPanelActs) {
    const size_t left = m - begin, count = left < kStripPanelActs ? left : kStripPanelActs;
    size_t j = 0;
    if (TilingOf<F>(count).panel) {
      constexpr size_t kPass = kPassTiles * kPanelRows;
      for (; j + kPass <= a.n; j += kPass) StripPanels<F, kPassTiles>(product, begin, count, j);
      for (; j < a.n; j += kPanelRows) StripPanels<F, 1>(product, begin, count, j);
    } else {
      for (; j < a.n; j += kRowTile) StripTiles(product, begin, count, j);
    }
  }
}

void MatmulInterleaved(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                       size_t n, float* y, size_t ldy) noexcept {
  const IntegerProduct product{x, w, row_bytes, n, y, ldy};
  WithStripFormat(dtype, [&](auto format) { MatmulStrips<decltype(format)>(product); });
}

inline StripTiling InterleavedTiling(DType dtype, size_t m) noexcept {
  StripTiling tiling;
  WithStripFormat(dtype, [&](auto format) { tiling = TilingOf<decltype(format)>(m); });
  return tiling;
}

}  // namespace
}  // namespace tael::TAEL_ISA
