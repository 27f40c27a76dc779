// The tile of interleaved_quad_scales.inl.h for few activation rows: one strip from end to end, as
// memory is read fastest, a whole line per load. The halves of a register are neighbouring groups
// of the same eight rows, added at the end of a block.
namespace tael::TAEL_ISA {
namespace {

// Activation rows that a tile has at most.
inline constexpr size_t kStripActs = 4;

// The parts of one block that do not come from products of weights: as in the tile of pairs.
template <class F>
[[gnu::always_inline]] inline void StartLineSums(const StripRuns& runs, const int16_t* sums,
                                                 Ints8* isum, Ints8* msum) {
  constexpr int kShift = kStripShift<F>;
  if constexpr (F::kSize == 32) {
    const int32_t total = kShift != 0 || F::kMinimum ? sums[0] + sums[1] : 0;
    *isum = SplatInts(-kShift * total);
    *msum = SplatInts(total);
    return;
  }
  *isum = *msum = ZeroInts();
  if constexpr (F::kSize == 256 && F::kMinimum && F::kRun == 32) {
    const Ints8 twos = MulWordPairs(LoadBytes(sums), SplatWords(1));
    ForEach<4>([&](auto c) TAEL_INLINE_LAMBDA {
      *msum = AddWordPairs(*msum, runs.minimum[c], WordPairOf(twos, c));
    });
  } else if constexpr (F::kSize == 256 && F::kMinimum) {
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
      *msum = AddWordPairs(*msum, runs.minimum[c], Broadcast4Bytes(sums + 2 * c));
    });
  }
  if constexpr (F::kSize == 256 && kShift != 0) {
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
      // The sums of 16 that make up a run of 32 share its sub-scale.
      const Words16 words = F::kRun == 32 ? runs.subscale[c] : runs.pair[c];
      *isum = AddWordPairs(*isum, words, Broadcast4Bytes(sums + 2 * c));
    });
    *isum = NegateTimes<kShift>(*isum);
  }
}

// Adds piece `piece` of a block times `Acts` activation rows, q pointing at the piece's elements;
// `part`: its
// share of the strip's bytes.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void AddPiece(const StripLines& block, const StripRuns& runs,
                                            size_t piece, const int8_t* const (&q)[Acts],
                                            const uint8_t* part, I32x16 (&isum)[Acts]) {
  constexpr size_t kRunQuads = F::kRun / 4, kRuns = F::kPieceQuads / kRunQuads;
  ForEach<kRuns>([&](auto r) TAEL_INLINE_LAMBDA {
    FetchPart<kRowTile * F::kBytes / F::kPieces, r, kRuns>(part);
    I32x16 dot[Acts];
    ForEach<Acts>([&](auto s)
                      TAEL_INLINE_LAMBDA { dot[s] = F::kSize == 32 ? isum[s] : ZeroInts16(); });
    ForEach<kRunQuads / 2>([&](auto e) TAEL_INLINE_LAMBDA {
      constexpr size_t kGroup = r * kRunQuads + 2 * e;
      const Bytes64 bytes = F::template Quad<kGroup>(block, piece);
      const I32x16 w = {F::kSigned ? Add128(bytes) : bytes};
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        dot[s] = AddQuads(dot[s], w, LineQuads<kGroup % 8 / 2>(q[s] + kGroup / 8 * 32));
      });
    });
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      isum[s] = F::kSize == 32 ? dot[s]
                               : AddProducts(isum[s], dot[s],
                                             IntsOfTwins(Twice(runs.subscale[piece * kRuns + r])));
      Settle(isum[s]);
    });
  });
}

// Eight outputs of each of the activation rows [i, i + Acts): rows j .. j + 7 of the weights.
template <class F, size_t Acts>
[[gnu::noinline]] void StripTile(const StripProduct<F>& product, size_t i, size_t j) {
  const IntegerProduct& a = product.a;
  Floats8 acc[Acts], accm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[s] = accm[s] = ZeroFloats(); });
  const size_t blocks = product.blocks();
  constexpr size_t kPieceBytes = kRowTile * F::kBytes / F::kPieces;
  for (size_t b = 0; b < blocks; ++b) {
    const StripBlock block = product.Block(j, b);
    const uint8_t* part = product.Part(j, b);
    StripRuns runs;
    F::Runs(block, &runs);
    const size_t element = b * F::kSize;
    const int8_t* q[Acts];
    Ints8 start[Acts], msum[Acts];
    I32x16 isum[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(i + s, element);
      StartLineSums<F>(runs, a.Sums(i + s, element), &start[s], &msum[s]);
      isum[s] = ZeroInts16();
    });
    for (size_t piece = 0; piece < F::kPieces; ++piece, part += kPieceBytes) {
      AddPiece<F, Acts>({block}, runs, piece, q, part, isum);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += 4 * F::kPieceQuads; });
    }
    const StripScales scales = F::Scales(block);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Floats8 da = SplatFloats(a.Scale<F::kSize>(i + s, element));
      const Ints8 sum = AddInts(start[s], AddHalves(isum[s]));
      acc[s] = FmaFloats(ToFloats(sum), MulFloats(scales.d, da), acc[s]);
      if constexpr (F::kMinimum) {
        accm[s] = FmaFloats(ToFloats(msum[s]), MulFloats(scales.dm, da), accm[s]);
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
