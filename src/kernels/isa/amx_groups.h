// How activation rows are put into tile registers. Included inside a table file, after
// amx_config.h.
namespace tael::TAEL_ISA {
namespace {

// Activation rows [begin, begin + count) in groups of `rows`, one per tile. No group is smaller:
// the last one goes over some rows of the one before again, in chains of its own, and stores the
// same bits.
struct ActGroups {
  size_t begin, count, groups, rows;

  ActGroups(size_t first, size_t number)
      : begin(first),
        count(number),
        groups((number + kTileRows - 1) / kTileRows),
        rows((number + groups - 1) / groups) {}
  size_t First(size_t group) const {
    const size_t last = count - rows;
    return begin + (group * rows < last ? group * rows : last);
  }
};

// Tiles 0 to 3 are sums of [two groups][two planes or blocks], 4 and 5 activations, 6 and 7
// weights. `depth`: bytes of k that a product takes.
inline TileConfig TilesFor(size_t rows, size_t depth) {
  TileConfig config;
  for (size_t tile = 0; tile < 4; ++tile) config.Set(tile, rows, kTileRowBytes);
  for (size_t tile = 4; tile < 6; ++tile) config.Set(tile, rows, depth);
  for (size_t tile = 6; tile < 8; ++tile) config.Set(tile, depth / 4, kTileRowBytes);
  return config;
}

}  // namespace
}  // namespace tael::TAEL_ISA
