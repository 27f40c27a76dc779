// One integer matrix product and its tiles of kRowTile weight rows, as the tiled algorithms see
// them.
namespace tael::TAEL_ISA {
namespace {

struct IntegerProduct {
  const QuantizedRows& x;
  const uint8_t* w;
  size_t row_bytes, n;
  float* y;
  size_t ldy;

  const int8_t* Q(size_t i, size_t element) const { return x.q + i * x.k_padded + element; }
  const int16_t* Sums(size_t i, size_t element) const {
    return x.sums + (i * x.k_padded + element) / 16;
  }
  float Scale(size_t i, size_t element) const {
    return x.scales[(i * x.k_padded + element) / x.block];
  }
};

// The weight rows of the tile at j; beyond the last row, that one again.
inline void TileRows(const IntegerProduct& a, size_t j, const uint8_t* (&rows)[kRowTile]) {
  for (size_t r = 0; r < kRowTile; ++r) {
    rows[r] = a.w + (j + r < a.n ? j + r : a.n - 1) * a.row_bytes;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
