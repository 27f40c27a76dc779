// The integer matrix product over interleaved rows in tile registers (AMX): 256 weights of sixteen
// rows (two strips) are unpacked into a panel, as the tiles that the instructions multiply; all
// activation rows pass over it, sixteen at a time, straight from where they lie.
//
// One instruction adds up 64 products per output, but a sub-scale belongs to 16 or 32 weights.
// Taking sums out of the tiles for every run would cost more than the products. So in blocks of 256
// the weights of the panel are multiplied by their sub-scales, exactly: sub-scale * w takes up to
// 14 bits, low + 256 * high, and a panel has a plane of each; the two sums of a block give the
// block's integer sum (docs/numerics.md, 5). Blocks of 32 have float scales: their sums are taken
// out one by one.
namespace tael::TAEL_ISA {
namespace {

inline constexpr size_t kTilePanelSpan = 256;

// Formats whose sub-scale * w fits a byte: Q2_K, 15 * 3; Q3_K, [-32, 31] * [-4, 3] = [-124, 128],
// with the other sign. Their panels hold -sub-scale * w.
template <class F>
inline constexpr bool kFitsByte = std::is_same_v<F, StripQ2_K> || std::is_same_v<F, StripQ3_K>;

// What passes over a panel needs to know of a format.
template <class StripShape, size_t Planes>
struct TileShape {
  using Scales = PairScales<StripShape>;
  static constexpr size_t kSize = StripShape::kSize, kPlanes = Planes;
  static constexpr bool kMinimum = StripShape::kMinimum;
};
template <class F>
using TileShapeOf = TileShape<ShapeOf<F>, F::kSize == 32 || kFitsByte<F> ? 1 : 2>;

// Elements 4g .. 4g + 3 of sixteen rows are one row of a tile.
template <class Shape>
struct TilePanel {
  static constexpr size_t kBlocks = kTilePanelSpan / Shape::kSize;
  I32x16 w[Shape::kPlanes][kTilePanelSpan / 4];
  typename Shape::Scales scales[kBlocks];
};

// A block of 256: sub-scale * w.
template <class F>
[[gnu::always_inline]] inline void FillScaled(const StripPair& block,
                                              TilePanel<TileShapeOf<F>>* panel) {
  constexpr size_t kRuns = kTilePanelSpan / F::kRun, kRunQuads = F::kRun / 4;
  RunFactors factors[kRuns];
  ForEach<kRuns>([&](auto r) TAEL_INLINE_LAMBDA {
    const I32x16 subscale = panel->scales[0].subscale[r];
    factors[r] = FactorsOf(kFitsByte<F> ? NegateInts(subscale) : subscale, kStripShift<F>);
  });
  for (size_t piece = 0; piece < F::kPieces; ++piece) {
    ForEach<F::kPieceQuads>([&](auto g) TAEL_INLINE_LAMBDA {
      const size_t quad = piece * F::kPieceQuads + g;
      const ScaledBytes scaled = ScaleBytes < kStripShift<F> !=
                                 0 > (ShiftedQuad<F, g>(block, piece).v, factors[quad / kRunQuads]);
      panel->w[0][quad] = LowBytes(scaled);
      if constexpr (!kFitsByte<F>) panel->w[1][quad] = HighBytes(scaled);
    });
  }
}

// Blocks [first, first + count) of rows j .. j + 15.
template <class F>
[[gnu::noinline]] void FillTilePanel(const StripProduct<F>& product, size_t j, size_t first,
                                     size_t count, TilePanel<TileShapeOf<F>>* panel) {
  for (size_t b = 0; b < count; ++b) {
    const StripPair block = PairAt(product, j, first + b);
    FetchPair(product, block, first + b);
    ReadBlockScales<F>(block, &panel->scales[b]);
    if constexpr (F::kSize == 32) {
      ForEach<8>([&](auto g) TAEL_INLINE_LAMBDA {
        const Bytes64 w = F::template Quad<g>(block, 0);
        panel->w[0][8 * b + g] = {F::kOffset == 0 ? w : AddToBytes(w, -F::kOffset)};
      });
    } else {
      FillScaled<F>(block, panel);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
