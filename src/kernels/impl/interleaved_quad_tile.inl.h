// The tile of interleaved_quad_scales.inl.h for few activation rows: each group of weights is
// unpacked into a register once and multiplied by every activation row.
namespace tael::TAEL_ISA {
namespace {

// Activation rows that a tile has at most.
inline constexpr size_t kStripActs = 4;
// Outputs that are computed side by side.
inline constexpr size_t kStripTileRows = 2 * kRowTile;

// Adds piece `piece` of a block times `Acts` activation rows, q pointing at the piece's elements.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void AddPiece(const StripPair& block,
                                            const PairScales<ShapeOf<F>>& scales, size_t piece,
                                            const int8_t* const (&q)[Acts], I32x16 (&isum)[Acts]) {
  constexpr size_t kRunQuads = F::kRun / 4, kRuns = F::kPieceQuads / kRunQuads;
  ForEach<kRuns>([&](auto r) TAEL_INLINE_LAMBDA {
    I32x16 dot[Acts];
    ForEach<Acts>([&](auto s)
                      TAEL_INLINE_LAMBDA { dot[s] = F::kSize == 32 ? isum[s] : ZeroInts16(); });
    ForEach<kRunQuads>([&](auto e) TAEL_INLINE_LAMBDA {
      constexpr size_t kGroup = r * kRunQuads + e;
      const I32x16 w = ShiftedQuad<F, kGroup>(block, piece);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        dot[s] = AddQuads(dot[s], w, Broadcast4Bytes16(q[s] + 4 * kGroup));
      });
    });
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      isum[s] = F::kSize == 32 ? dot[s]
                               : AddProducts(isum[s], dot[s], scales.subscale[piece * kRuns + r]);
      Settle(isum[s]);
    });
  });
}

// Sixteen outputs of each of the activation rows [i, i + Acts): rows j .. j + 15 of the weights.
template <class F, size_t Acts>
[[gnu::noinline]] void StripTile(const StripProduct<F>& product, size_t i, size_t j) {
  const IntegerProduct& a = product.a;
  F32x16 acc[Acts], accm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[s] = accm[s] = Zero(); });
  PairScales<ShapeOf<F>> scales;
  const size_t blocks = product.blocks();
  for (size_t b = 0; b < blocks; ++b) {
    const StripPair block = PairAt(product, j, b);
    FetchPair(product, block, b);
    if constexpr (F::kSize == 32 || Acts == 1) {
      ReadScales<F>(block, &scales);
    } else {
      ReadBlockScales<F>(block, &scales);
    }
    const size_t element = b * F::kSize;
    const int8_t* q[Acts];
    I32x16 isum[Acts], msum[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(i + s, element);
      StartSums(scales, kStripShift<F>, a.Sums(i + s, element), &isum[s], &msum[s]);
    });
    for (size_t piece = 0; piece < F::kPieces; ++piece) {
      AddPiece<F, Acts>(block, scales, piece, q, isum);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += 4 * F::kPieceQuads; });
    }
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      StepChains(scales, a.Scale<F::kSize>(i + s, element), isum[s], msum[s], &acc[s], &accm[s]);
    });
  }
  const bool both = HasBoth(a, j);
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    if constexpr (F::kMinimum) acc[s] = Add(acc[s], accm[s]);
    StorePairOutputs(acc[s], a.y + (i + s) * a.ldy + j, both);
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
