// The BF16 product (numerics.md, 17) in tile registers: sixteen weight rows and the 32 elements of
// a block are a tile, and one instruction adds a block to 256 outputs. Its two chains are the first
// and the second elements of pairs, so a pair joins the elements that stand at one place in both
// chains of a block: (1, 17), (0, 16), (3, 19), (2, 18), ...
namespace tael::TAEL_ISA {
namespace {

// Activation rows that share a packed stretch of weights: as many as their sums may take memory.
inline constexpr size_t kBf16TileActs = 512;
inline constexpr size_t kBf16TileStrips = 2;

// The second copy of rows: what tiles are loaded from.
inline void ArrangeForTiles(const Bf16Rows& rows) noexcept {
  for (size_t i = 0; i < rows.rows; ++i) {
    const uint16_t* from = rows.data + i * rows.stride;
    uint16_t* to = rows.data + i * rows.stride + rows.k_padded();
    for (size_t e = 0; e < rows.k_padded(); e += kBf16Block) {
      for (size_t t = 0; t < kBlockPairs; ++t) {
        to[e + 2 * t] = from[e + (t ^ 1)];
        to[e + 2 * t + 1] = from[e + kBlockPairs + (t ^ 1)];
      }
    }
  }
}

// Tiles of weights: block b of strip s is [b][s].
struct Bf16TilePanel {
  alignas(64) uint32_t tiles[kPairSpan / kBf16Block][kBf16TileStrips][kBlockPairs][kPairRows];
};

inline void PackTiles(const Bf16Product& a, size_t row, size_t p, size_t elements,
                      Bf16TilePanel* out) {
  PairPanel<kBf16TileStrips> panel;
  PackPairs<kBf16TileStrips>(a, row, p, elements, &panel);
  for (size_t b = 0; b < elements / kBf16Block; ++b) {
    for (size_t s = 0; s < kBf16TileStrips; ++s) {
      for (size_t i = 0; i < kBlockPairs / 2; ++i) {
        const uint32_t* first = panel.pairs[(b * kBlockPairs + i) * kBf16TileStrips + s];
        const uint32_t* second =
            panel.pairs[(b * kBlockPairs + kBlockPairs / 2 + i) * kBf16TileStrips + s];
        uint32_t(*rows)[kPairRows] = &out->tiles[b][s][2 * i];
        for (size_t lane = 0; lane < kPairRows; ++lane) {
          rows[0][lane] = first[lane] >> 16 | (second[lane] & 0xffff0000u);
          rows[1][lane] = (first[lane] & 0xffffu) | second[lane] << 16;
        }
      }
    }
  }
}

// Sums of two groups of activation rows.
struct Bf16TileSums {
  alignas(64) float sums[2][kBf16TileStrips][kTileRows][kPairRows];
};

// Adds a stretch to the sums of up to two groups, whose rows begin at x[0] and x[1].
inline void MultiplyTiles(const Bf16TilePanel& panel, size_t blocks, const uint16_t* const* x,
                          size_t groups, size_t stride, bool first, Bf16TileSums* out) {
  constexpr size_t kRow = kTileRowBytes;
  if (first) {
    ZeroTile<0>();
    ZeroTile<1>();
    ZeroTile<2>();
    ZeroTile<3>();
  } else {
    LoadTile<0>(out->sums[0][0], kRow);
    LoadTile<1>(out->sums[0][1], kRow);
    if (groups == 2) LoadTile<2>(out->sums[1][0], kRow);
    if (groups == 2) LoadTile<3>(out->sums[1][1], kRow);
  }
  for (size_t b = 0; b < blocks; ++b) {
    LoadTile<6>(panel.tiles[b][0], kRow);
    LoadTile<7>(panel.tiles[b][1], kRow);
    LoadTile<4>(x[0] + b * kBf16Block, stride);
    AddBf16Products<0, 4, 6>();
    AddBf16Products<1, 4, 7>();
    if (groups < 2) continue;
    LoadTile<5>(x[1] + b * kBf16Block, stride);
    AddBf16Products<2, 5, 6>();
    AddBf16Products<3, 5, 7>();
  }
  StoreTile<0>(out->sums[0][0], kRow);
  StoreTile<1>(out->sums[0][1], kRow);
  if (groups < 2) return;
  StoreTile<2>(out->sums[1][0], kRow);
  StoreTile<3>(out->sums[1][1], kRow);
}

// Outputs of two strips from weight row `row` on.
inline void StoreOutputs(const Bf16Product& a, const ActGroups& acts, size_t row,
                         const Bf16TileSums* sums) {
  for (size_t g = 0; g < acts.groups; ++g) {
    for (size_t r = 0; r < acts.rows; ++r) {
      float* y = a.y + (acts.First(g) + r) * a.ldy + row;
      for (size_t s = 0; s < kBf16TileStrips && row + s * kPairRows < a.n; ++s) {
        const size_t left = a.n - row - s * kPairRows;
        std::memcpy(y + s * kPairRows, sums[g / 2].sums[g % 2][s][r],
                    (left < kPairRows ? left : kPairRows) * sizeof(float));
      }
    }
  }
}

[[gnu::noinline]] inline void MultiplyInTiles(const Bf16Product& a) {
  if (a.k == 0) return ClearOutputs(a);
  Bf16TilePanel panel;
  Bf16TileSums sums[kBf16TileActs / kTileRows / 2];
  for (size_t begin = 0; begin < a.m; begin += kBf16TileActs) {
    const ActGroups acts(begin, a.m - begin < kBf16TileActs ? a.m - begin : kBf16TileActs);
    ConfigureTiles(TilesFor(acts.rows, kTileRowBytes));
    for (size_t row = 0; row < a.n; row += kBf16TileStrips * kPairRows) {
      for (size_t p = 0; p < a.k; p += kPairSpan) {
        const size_t rest = a.k_padded() - p, elements = rest < kPairSpan ? rest : kPairSpan;
        PackTiles(a, row, p, elements, &panel);
        for (size_t g = 0; g < acts.groups; g += 2) {
          const size_t groups = acts.groups - g < 2 ? 1 : 2;
          const uint16_t* x[2] = {a.x + acts.First(g) * a.ldx + p,
                                  a.x + acts.First(g + groups - 1) * a.ldx + p};
          MultiplyTiles(panel, elements / kBf16Block, x, groups, a.ldx * sizeof(uint16_t), p == 0,
                        &sums[g / 2]);
        }
      }
      StoreOutputs(a, acts, row, sums);
    }
  }
  ReleaseTiles();
}

void MatmulBf16InTiles(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                       size_t ldy) noexcept {
  Bf16Product product = Bf16ProductOf(x, w, row_bytes, n, y, ldy);
  product.x += x.k_padded();  // the second copy
  MultiplyInTiles(product);
}

}  // namespace
}  // namespace tael::TAEL_ISA
