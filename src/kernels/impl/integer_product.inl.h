// One integer matrix product and its tiles of kRowTile weight rows, as the tiled algorithms see
// them.
namespace tael::TAEL_ISA {
namespace {

// Activation rows that a tile has at most: their sums stay in the first-level cache.
inline constexpr size_t kIntegerActs = 64;

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
  // Block: x.block, as a constant, because a division by anything else takes as long as a block.
  template <size_t Block>
  float Scale(size_t i, size_t element) const {
    return x.scales[(i * x.k_padded + element) / Block];
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
