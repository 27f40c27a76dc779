// The integer matrix product over interleaved rows in tile registers: panel by panel, pass by pass.
namespace tael::TAEL_ISA {
namespace {

// All activation rows over blocks [first, first + some) of a panel. The processor multiplies one
// pass while it applies the scales of the one before, so the order of instructions lets it.
template <class Shape>
inline void PassPanel(const IntegerProduct& a, const ActGroups& acts, const TilePanel<Shape>& panel,
                      size_t first, size_t some, TileChains<Shape>* chains) {
  constexpr size_t kTogether = Shape::kSize == 32 ? 2 : 1;  // blocks of a pass
  TilePass passes[2];
  TileProducts products[2];
  size_t count = 0;
  for (size_t group = 0; group < acts.groups; group += 2) {
    for (size_t block = 0; block < some; block += kTogether, ++count) {
      TilePass& pass = passes[count % 2];
      const bool both = group + 1 < acts.groups;
      const size_t element = (first + block) * Shape::kSize;
      const int8_t* q = a.Q(acts.First(group), element);
      pass = {.group = group,
              .groups = both ? size_t{2} : 1,
              .block = block,
              .blocks = some - block < kTogether ? some - block : kTogether,
              .q = {q, both ? a.Q(acts.First(group + 1), element) : q},
              .stride = a.x.k_padded};
      Multiply(panel, pass, &products[count % 2]);
      if (count == 0) continue;
      const size_t before = (count - 1) % 2;
      ApplyScales(a, acts, panel, first, passes[before], products[before], chains);
    }
  }
  const size_t last = (count - 1) % 2;
  ApplyScales(a, acts, panel, first, passes[last], products[last], chains);
}

// Sixteen outputs, or the last eight, of every activation row: weight rows j .. j + 15.
template <class F>
inline void TileStripPair(const StripProduct<F>& product, const ActGroups& acts, size_t j) {
  using Shape = TileShapeOf<F>;
  const IntegerProduct& a = product.a;
  TilePanel<Shape> panel;
  TileChains<Shape> chains;
  for (size_t slot = 0; slot < acts.groups * kTileRows; ++slot) {
    chains.acc[slot] = Zero();
    if constexpr (Shape::kMinimum) chains.accm[slot] = Zero();
  }
  constexpr size_t kSome = TilePanel<Shape>::kBlocks;
  const size_t blocks = product.blocks();
  for (size_t first = 0; first < blocks; first += kSome) {
    const size_t some = blocks - first < kSome ? blocks - first : kSome;
    FillTilePanel(product, j, first, some, &panel);
    PassPanel<Shape>(a, acts, panel, first, some, &chains);
  }
  const bool both = HasBoth(a, j);
  for (size_t group = 0; group < acts.groups; ++group) {
    for (size_t r = 0; r < acts.rows; ++r) {
      const size_t slot = group * kTileRows + r;
      F32x16 out = chains.acc[slot];
      if constexpr (Shape::kMinimum) out = Add(out, chains.accm[slot]);
      StorePairOutputs(out, a.y + (acts.First(group) + r) * a.ldy + j, both);
    }
  }
}

template <class F>
void MatmulStripsInTiles(const IntegerProduct& a) {
  const StripProduct<F> product{a};
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m;) {
    const ActGroups acts(begin, EqualShare(m - begin, kTileActs));
    ConfigureTiles(TilesFor(acts.rows, F::kSize == 32 ? 32 : kTileRowBytes));
    for (size_t j = 0; j < a.n; j += 2 * kRowTile) TileStripPair(product, acts, j);
    begin += acts.count;
  }
  ReleaseTiles();
}

void MatmulInterleavedInTiles(const QuantizedRows& x, DType dtype, const uint8_t* w,
                              size_t row_bytes, size_t n, float* y, size_t ldy) noexcept {
  const IntegerProduct product{x, w, row_bytes, n, y, ldy};
  WithStripFormat(dtype, [&](auto format) { MatmulStripsInTiles<decltype(format)>(product); });
}

// As KernelTable::interleaved_tiling.
inline StripTiling TilingInTiles(DType, size_t m) noexcept {
  return {2 * kRowTile, kTilePanelSpan, EqualShare(m, kTileActs), true};
}

}  // namespace
}  // namespace tael::TAEL_ISA
