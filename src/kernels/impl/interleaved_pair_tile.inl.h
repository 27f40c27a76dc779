// The tile of the integer matrix product over interleaved rows for few activation rows, with
// instructions that add pairs of byte products: each group of weights is unpacked into a register
// once and multiplied by every activation row; the eight lanes are the outputs, so nothing is added
// across.
namespace tael::TAEL_ISA {
namespace {

// Activation rows that the registers hold sums for.
inline constexpr size_t kStripActs = 4;

// The parts of one block that do not come from products of weights: what the offset of the weights
// added is taken off `isum`, the sums of the minima are `msum`. `sums` are those of the activation
// row in this block.
template <class F, size_t Strips>
[[gnu::always_inline]] inline void StartSums(const StripRuns* const (&runs)[Strips],
                                             const int16_t* sums, Ints8 (&isum)[Strips],
                                             Ints8 (&msum)[Strips]) {
  ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA { isum[p] = msum[p] = ZeroInts(); });
  if constexpr (F::kSize == 32) {
    if constexpr (F::kOffset != 0 || F::kMinimum) {
      const int32_t total = sums[0] + sums[1];
      ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
        isum[p] = SplatInts(-F::kOffset * total);
        msum[p] = SplatInts(total);
      });
    }
  } else if constexpr (F::kMinimum && F::kRun == 32) {
    const Ints8 twos = MulWordPairs(LoadBytes(sums), SplatWords(1));  // of 32 elements
    ForEach<4>([&](auto c) TAEL_INLINE_LAMBDA {
      const Words16 pair = WordPairOf(twos, c);
      ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
        msum[p] = AddWordPairs(msum[p], runs[p]->minimum[c], pair);
      });
    });
  } else if constexpr (F::kMinimum || F::kOffset != 0) {
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
      const Words16 pair = Broadcast4Bytes(sums + 2 * c);
      ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
        Ints8& sum = F::kMinimum ? msum[p] : isum[p];
        sum = AddWordPairs(sum, F::kMinimum ? runs[p]->minimum[c] : runs[p]->pair[c], pair);
      });
    });
    if constexpr (F::kOffset != 0) {
      ForEach<Strips>([&](auto p)
                          TAEL_INLINE_LAMBDA { isum[p] = NegateTimes<F::kOffset>(isum[p]); });
    }
  }
}

using TileSum = Ints8;
inline TileSum FirstSum(Ints8 start) {
  Settle(start);
  return start;
}
inline Ints8 LastSum(const Ints8& /*start*/, const TileSum& sum) { return sum; }

template <class F>
[[gnu::always_inline]] inline void StartTile(const StripRuns& runs, const int16_t* sums,
                                             Ints8* start, Ints8* msum) {
  Ints8 starts[1], minima[1];
  StartSums<F, 1>({&runs}, sums, starts, minima);
  *start = starts[0];
  *msum = minima[0];
}

// Piece `piece` of a block times `Acts` activation rows, q pointing at its first element; `part`:
// its share of the strip's bytes.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void AddPiece(const StripBlock& block, const StripRuns& runs,
                                            size_t piece, const int8_t* const (&q)[Acts],
                                            const uint8_t* part, Ints8 (&isum)[Acts]) {
  constexpr size_t kDepth = F::kDepth, kSteps = F::kPieceQuads / kDepth;
  ForEach<kSteps>([&](auto t) TAEL_INLINE_LAMBDA {
    FetchPart<kRowTile * F::kBytes / F::kPieces, t, kSteps>(part);
    Words16 products[Acts];
    ForEach<kDepth>([&](auto e) TAEL_INLINE_LAMBDA {
      constexpr size_t kGroup = t * kDepth + e;
      Bytes32 w = F::template Quad<kGroup>(block, piece);
      Settle(w);  // not unpacked again for each row
      const Bytes32 left = F::kSigned ? Magnitudes(w) : w;
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        const Bytes32 bytes = Broadcast4Bytes(q[s] + 4 * kGroup);
        const Words16 product = MulBytePairs(left, F::kSigned ? WithSignOf(w, bytes) : bytes);
        products[s] = e == 0 ? product : AddWords(products[s], product);
        Settle(products[s]);
      });
    });
    const Words16 scale =
        F::kSize == 32
            ? SplatWords(1)
            : runs.subscale[piece * (F::kPieceQuads * 4 / F::kRun) + t * kDepth * 4 / F::kRun];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      isum[s] = AddWordPairs(isum[s], products[s], scale);
      Settle(isum[s]);
    });
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
