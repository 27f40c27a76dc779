// The integer matrix product over interleaved rows with instructions that add four byte products at
// once: sixteen weight rows (two strips) are the lanes. The instruction multiplies unsigned by
// signed bytes: weights are w + shift, and shift * (sum of q) is taken off again. This part: the
// scales of a block and what is not a product of weights.
namespace tael::TAEL_ISA {
namespace {

// What the arithmetic needs to know of a format.
template <size_t Size, size_t Run, bool Shifted, bool Minimum>
struct StripShape {
  static constexpr size_t kSize = Size, kRun = Run;
  static constexpr bool kShifted = Shifted, kMinimum = Minimum;
  static constexpr size_t kRuns = Size == 256 ? Size / Run : 0;
  static constexpr size_t kShiftWords = Size == 256 && Shifted ? 8 : 0;
  static constexpr size_t kMinimumWords = Size == 256 && Minimum ? kRuns / 2 : 0;
};
template <class F>
inline constexpr int kStripShift = F::kSigned ? 128 : F::kOffset;
template <class F>
using ShapeOf = StripShape<F::kSize, F::kRun, kStripShift<F> != 0, F::kMinimum>;

// Of one block of sixteen rows.
template <class Shape>
struct PairScales {
  I32x16 subscale[Shape::kRuns + 1];         // of each run
  I32x16 shift[Shape::kShiftWords + 1];      // words: -shift * sub-scale, for pairs of sums of 16
  I32x16 minimum[Shape::kMinimumWords + 1];  // words, for pairs of sums of kRun
  F32x16 d, dm;
};

// A function of its own: copies in every panel would take compilers long.
template <class F>
[[gnu::noinline]] void ReadBlockScales(const StripPair& block, PairScales<ShapeOf<F>>* scales) {
  using Shape = ShapeOf<F>;
  StripRuns low, high;
  F::Runs(block.low, &low);
  F::Runs(block.high, &high);
  ForEach<Shape::kRuns>([&](auto r) TAEL_INLINE_LAMBDA {
    scales->subscale[r] = IntsOfTwins(Both(low.subscale[r], high.subscale[r]));
  });
  ForEach<Shape::kShiftWords>([&](auto c) TAEL_INLINE_LAMBDA {
    // The sums of 16 that make up a run of 32 share its sub-scale.
    const Bytes64 words =
        F::kRun == 32 ? Both(low.subscale[c], high.subscale[c]) : Both(low.pair[c], high.pair[c]);
    scales->shift[c] = {MulWordsBy(words, -kStripShift<F>)};
  });
  ForEach<Shape::kMinimumWords>([&](auto c) TAEL_INLINE_LAMBDA {
    scales->minimum[c] = {Both(low.minimum[c], high.minimum[c])};
  });
  const StripScales l = F::Scales(block.low), h = F::Scales(block.high);
  scales->d = BothFloats(l.d, h.d);
  if constexpr (Shape::kMinimum) scales->dm = BothFloats(l.dm, h.dm);
}

// Group G of a piece, as bytes without sign.
template <class F, size_t G>
[[gnu::always_inline]] inline I32x16 ShiftedQuad(const StripPair& block, size_t piece) {
  const Bytes64 w = F::template Quad<G>(block, piece);
  return {F::kSigned ? Add128(w) : w};
}

// What the shift added to a block is taken off: the sums start from this. `sums` are those of the
// activation row.
template <class Shape>
[[gnu::always_inline]] inline I32x16 ShiftSum(const PairScales<Shape>& scales, int shift,
                                              const int16_t* sums) {
  if constexpr (Shape::kSize == 32) {
    return SplatInts16(Shape::kShifted ? -shift * (sums[0] + sums[1]) : 0);
  } else {
    I32x16 sum = ZeroInts16();
    ForEach<Shape::kShiftWords>([&](auto c) TAEL_INLINE_LAMBDA {
      sum = AddWordPairs(sum, scales.shift[c], Broadcast4Bytes16(sums + 2 * c));
    });
    return sum;
  }
}

// The sums of an activation row's block as the minima take them: of runs, or of the whole block.
template <class Shape>
struct MinimumRow {
  alignas(16) int16_t runs[16];
  int32_t total;

  void Take(const int16_t* sums) {
    if constexpr (Shape::kSize == 32) {
      total = sums[0] + sums[1];
    } else if constexpr (Shape::kRun == 32) {
      PairSums(sums, runs);
    } else {
      std::memcpy(runs, sums, sizeof(runs));
    }
  }
  // The minima times these sums.
  [[gnu::always_inline]] I32x16 Sum(const PairScales<Shape>& scales) const {
    if constexpr (Shape::kSize == 32) return SplatInts16(total);
    I32x16 sum = ZeroInts16();
    ForEach<Shape::kMinimumWords>([&](auto c) TAEL_INLINE_LAMBDA {
      sum = AddWordPairs(sum, scales.minimum[c], Broadcast4Bytes16(runs + 2 * c));
    });
    return sum;
  }
};

// The parts of one block that do not come from products of weights.
template <class Shape>
[[gnu::always_inline]] inline void StartSums(const PairScales<Shape>& scales, int shift,
                                             const int16_t* sums, I32x16* isum, I32x16* msum) {
  *isum = ShiftSum(scales, shift, sums);
  *msum = ZeroInts16();
  if constexpr (Shape::kMinimum) {
    MinimumRow<Shape> row;
    row.Take(sums);
    *msum = row.Sum(scales);
  }
}

// The steps of the chains that a block makes.
template <class Shape>
[[gnu::always_inline]] inline void StepChains(const PairScales<Shape>& scales, float da,
                                              I32x16 isum, I32x16 msum, F32x16* acc, F32x16* accm) {
  *acc = Fma(ToFloats(isum), Mul(scales.d, Splat(da)), *acc);
  if constexpr (Shape::kMinimum) *accm = Fma(ToFloats(msum), Mul(scales.dm, Splat(da)), *accm);
}

// Outputs of rows j .. j + 15, or of the first eight.
inline void StorePairOutputs(const F32x16& v, float* y, bool both) {
  if (both) {
    Store(v, y);
  } else {
    StorePartial(v, y, kRowTile);
  }
}

// Whether there are sixteen rows from j on, or eight.
inline bool HasBoth(const IntegerProduct& a, size_t j) { return j + kRowTile < a.n; }
// Block b of the strips of rows j .. j + 15; of the last strip alone, twice.
template <class F>
inline StripPair PairAt(const StripProduct<F>& product, size_t j, size_t b) {
  return {product.Block(j, b), product.Block(HasBoth(product.a, j) ? j + kRowTile : j, b)};
}

// Asks for what both strips will need. Behind the end of a strip lies the other one of the pair,
// which is read already: the next pair is one strip further.
template <class F>
[[gnu::always_inline]] inline void FetchPair(const StripProduct<F>& product, const StripPair& block,
                                             size_t b) {
  const size_t strip = kRowTile * product.a.row_bytes;
  const size_t skip = b * kRowTile * F::kBytes + kFetchDistance >= strip ? strip : 0;
  FetchStrip<F>(block.low, skip);
  FetchStrip<F>(block.high, skip);
}

}  // namespace
}  // namespace tael::TAEL_ISA
