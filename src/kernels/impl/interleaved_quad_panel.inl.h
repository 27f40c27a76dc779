// The tile of interleaved_quad_scales.inl.h for many activation rows: 256 weights of the rows of
// two pairs of strips are unpacked into a panel in the first-level cache, and all activation rows
// pass over it, a few at a time. What passes depends on the shape of the format alone.
namespace tael::TAEL_ISA {
namespace {

// Pairs of strips side by side, and activation rows that pass together: what the registers hold
// sums for.
inline constexpr size_t kPanelSpan = 256, kPassTiles = 2, kPassActs = 6;
// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kStripPanelMinRows = F::kSize == 32 ? 12 : 24;

// 256 elements of sixteen weight rows.
template <class Shape>
struct PairPanel {
  static constexpr size_t kBlocks = kPanelSpan / Shape::kSize;
  I32x16 w[kPanelSpan / 4];  // elements 4g .. 4g + 3, without sign
  PairScales<Shape> scales[kBlocks];
};

template <class F>
[[gnu::noinline]] void FillPairPanel(const StripProduct<F>& product, size_t j, size_t first,
                                     size_t count, PairPanel<ShapeOf<F>>* panel) {
  for (size_t b = 0; b < count; ++b) {
    const StripPair block = PairAt(product, j, first + b);
    FetchPair(product, block, first + b);
    for (size_t piece = 0; piece < F::kPieces; ++piece) {
      I32x16* out = panel->w + b * F::kSize / 4 + piece * F::kPieceQuads;
      ForEach<F::kPieceQuads>([&](auto g)
                                  TAEL_INLINE_LAMBDA { out[g] = ShiftedQuad<F, g>(block, piece); });
    }
    ReadBlockScales<F>(block, &panel->scales[b]);
  }
}

template <class Shape>
using PairChains = PanelChains<kPassTiles, Shape::kMinimum>;

// Adds `Quads` groups from `group` of the panels on.
template <size_t Quads, class Shape, size_t Pairs, size_t Acts>
[[gnu::always_inline]] inline void AddGroups(const PairPanel<Shape>* panels, size_t group,
                                             const int8_t* const (&q)[Acts],
                                             I32x16 (&dot)[Acts][Pairs]) {
  ForEach<Quads>([&](auto e) TAEL_INLINE_LAMBDA {
    I32x16 w[Pairs];
    ForEach<Pairs>([&](auto p) TAEL_INLINE_LAMBDA {
      w[p] = panels[p].w[group + e];
      Settle(w[p]);  // not loaded again for each row
    });
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const I32x16 bytes = Broadcast4Bytes16(q[s] + 4 * e);
      ForEach<Pairs>([&](auto p)
                         TAEL_INLINE_LAMBDA { dot[s][p] = AddQuads(dot[s][p], w[p], bytes); });
    });
  });
}

// Block b of the panels: its products, run by run. `q` are the block's elements.
template <class Shape, size_t Pairs, size_t Acts>
[[gnu::always_inline]] inline void AddBlock(const PairPanel<Shape>* panels, size_t b,
                                            const int8_t* (&q)[Acts], I32x16 (&isum)[Acts][Pairs]) {
  if constexpr (Shape::kSize == 32) {
    AddGroups<8>(panels, 8 * b, q, isum);
  } else {
    for (size_t run = 0; run < Shape::kRuns; ++run) {
      I32x16 dot[Acts][Pairs];
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        ForEach<Pairs>([&](auto p) TAEL_INLINE_LAMBDA { dot[s][p] = ZeroInts16(); });
      });
      AddGroups<Shape::kRun / 4>(panels, run * Shape::kRun / 4, q, dot);
      ForEach<Pairs>([&](auto p) TAEL_INLINE_LAMBDA {
        const I32x16 subscale = panels[p].scales[0].subscale[run];
        ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
          isum[s][p] = AddProducts(isum[s][p], dot[s][p], subscale);
        });
      });
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += Shape::kRun; });
    }
  }
}

// Blocks [first, first + count) of the panels with activation rows [i, i + Acts) of the tile that
// starts at row `begin`.
template <class Shape, size_t Pairs, size_t Acts>
[[gnu::noinline]] void PassPanels(const IntegerProduct& a, const PairPanel<Shape>* panels,
                                  int shift, size_t first, size_t count, size_t begin, size_t i,
                                  PairChains<Shape>* chains) {
  for (size_t b = 0; b < count; ++b) {
    const size_t element = (first + b) * Shape::kSize;
    const int8_t* q[Acts];
    I32x16 isum[Acts][Pairs];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(begin + i + s, element);
      const int16_t* sums = a.Sums(begin + i + s, element);
      const float da = a.Scale<Shape::kSize>(begin + i + s, element);
      ForEach<Pairs>([&](auto p) TAEL_INLINE_LAMBDA {
        const PairScales<Shape>& scales = panels[p].scales[b];
        I32x16 msum;
        StartSums(scales, shift, sums, &isum[s][p], &msum);
        if constexpr (Shape::kMinimum) {
          F32x16& chain = chains->accm[p][i + s];
          chain = Fma(ToFloats(msum), Mul(scales.dm, Splat(da)), chain);
        }
      });
    });
    AddBlock<Shape, Pairs, Acts>(panels, b, q, isum);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const F32x16 da = Splat(a.Scale<Shape::kSize>(begin + i + s, element));
      ForEach<Pairs>([&](auto p) TAEL_INLINE_LAMBDA {
        F32x16& chain = chains->acc[p][i + s];
        chain = Fma(ToFloats(isum[s][p]), Mul(panels[p].scales[b].d, da), chain);
      });
    });
  }
}

// All of `count` activation rows; the last ones in passes that are as equal as they can be.
template <class Shape, size_t Pairs>
inline void PassAll(const IntegerProduct& a, const PairPanel<Shape>* panels, int shift,
                    size_t first, size_t some, size_t begin, size_t count,
                    PairChains<Shape>* chains) {
  size_t i = 0;
  while (i < count) {
    const size_t acts = EqualShare(count - i, kPassActs);
    ForEach<kPassActs>([&](auto n) TAEL_INLINE_LAMBDA {
      if (acts == n + 1) {
        PassPanels<Shape, Pairs, n + 1>(a, panels, shift, first, some, begin, i, chains);
      }
    });
    i += acts;
  }
}

// `Pairs` pairs of strips from row j, activation rows [begin, begin + count), at most
// kIntegerActs. The last pair may be one strip.
template <class F, size_t Pairs>
inline void StripPanels(const StripProduct<F>& product, size_t begin, size_t count, size_t j) {
  using Shape = ShapeOf<F>;
  const IntegerProduct& a = product.a;
  PairPanel<Shape> panels[Pairs];
  PairChains<Shape> chains;
  chains.Clear(Pairs, count, Zero());
  constexpr size_t kSome = PairPanel<Shape>::kBlocks;
  const size_t blocks = product.blocks();
  for (size_t first = 0; first < blocks; first += kSome) {
    const size_t some = blocks - first < kSome ? blocks - first : kSome;
    for (size_t p = 0; p < Pairs; ++p) {
      FillPairPanel(product, j + 2 * p * kRowTile, first, some, &panels[p]);
    }
    PassAll<Shape, Pairs>(a, panels, kStripShift<F>, first, some, begin, count, &chains);
  }
  for (size_t p = 0; p < Pairs; ++p) {
    const size_t row = j + 2 * p * kRowTile;
    const bool both = HasBoth(a, row);
    for (size_t i = 0; i < count; ++i) {
      F32x16 out = chains.acc[p][i];
      if constexpr (Shape::kMinimum) out = Add(out, chains.accm[p][i]);
      StorePairOutputs(out, a.y + (begin + i) * a.ldy + row, both);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
