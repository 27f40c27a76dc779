// The tile of the integer matrix product over interleaved rows on NEON for few activation rows: the
// eight lanes of a pair of registers are the outputs. Each group of weights is unpacked into
// registers once and multiplied by every activation row.
namespace tael::TAEL_ISA {
namespace {

// Activation rows that the registers hold sums for.
inline constexpr size_t kStripActs = 4;
// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kStripPanelMinRows = 8;
inline constexpr size_t kPassTiles = 1, kStripPanelActs = kIntegerActs;

// Adds piece `piece` of a block times `Acts` activation rows, q pointing at its first element.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void AddPiece(const StripBlock& block, const Ints8* subscale,
                                            size_t piece, const int8_t* const (&q)[Acts],
                                            Ints8 (&isum)[Acts]) {
  constexpr size_t kRunVectors = F::kRun / 16, kRuns = F::kPieceQuads / (4 * kRunVectors);
  ForEach<kRuns>([&](auto r) TAEL_INLINE_LAMBDA {
    Ints8 dot[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { dot[s] = SplatInts(0); });
    ForEach<kRunVectors>([&](auto v) TAEL_INLINE_LAMBDA {
      constexpr size_t kVector = r * kRunVectors + v;
      int8x16_t bytes[Acts];
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { bytes[s] = vld1q_s8(q[s] + 16 * kVector); });
      ForEach<4>([&](auto g) TAEL_INLINE_LAMBDA {
        const Quad8 w = F::template Quad<4 * kVector + g>(block, piece);
        ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
          dot[s].lo = DotGroup<g>(dot[s].lo, vreinterpretq_s8_u8(w.lo), bytes[s]);
          dot[s].hi = DotGroup<g>(dot[s].hi, vreinterpretq_s8_u8(w.hi), bytes[s]);
        });
      });
    });
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      if constexpr (F::kSize == 32) {
        isum[s] = dot[s];
      } else {
        const Ints8& scale = subscale[piece * kRuns + r];
        isum[s].lo = vmlaq_s32(isum[s].lo, dot[s].lo, scale.lo);
        isum[s].hi = vmlaq_s32(isum[s].hi, dot[s].hi, scale.hi);
      }
    });
  });
}

// Eight outputs of each of the activation rows [i, i + Acts): rows j .. j + 7 of the weights.
template <class F, size_t Acts>
[[gnu::noinline]] void StripTile(const StripProduct<F>& product, size_t i, size_t j) {
  const IntegerProduct& a = product.a;
  Floats8 acc[Acts], accm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[s] = accm[s] = ZeroFloats(); });
  Ints8 subscale[F::kSize / F::kRun];
  int16x8_t minimum[F::kSize / F::kRun];
  const size_t blocks = product.blocks();
  for (size_t b = 0; b < blocks; ++b) {
    const StripBlock block = product.Block(j, b);
    FetchStrip<F>(block);
    F::Runs(block, {subscale, minimum});
    const size_t element = b * F::kSize;
    const int8_t* q[Acts];
    Ints8 isum[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(i + s, element);
      isum[s] = SplatInts(0);
    });
    for (size_t piece = 0; piece < F::kPieces; ++piece) {
      AddPiece<F, Acts>(block, subscale, piece, q, isum);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += 4 * F::kPieceQuads; });
    }
    const StripScales scales = F::Scales(block);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const float da = a.Scale<F::kSize>(i + s, element);
      acc[s] = Step(isum[s], scales.d, da, acc[s]);
      if constexpr (F::kMinimum) {
        const Ints8 msum = MinimaSum<F>(minimum, a.Sums(i + s, element));
        accm[s] = Step(msum, scales.dm, da, accm[s]);
      }
    });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    if constexpr (F::kMinimum) acc[s] = AddFloats(acc[s], accm[s]);
    StoreFloats(acc[s], a.y + (i + s) * a.ldy + j, kRowTile);
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
