// The tile of the integer matrix product for few activation rows: each block of eight weight rows
// is unpacked in registers and multiplied, and the rows' partial sums are added across.
namespace tael::TAEL_ISA {
namespace {

template <bool Signed>
inline Words16 MulBytes(Bytes32 w, Bytes32 q) {
  return Signed ? MulBytePairs(Magnitudes(w), WithSignOf(w, q)) : MulBytePairs(w, q);
}

// One block of one row: eight partial sums of isum and, where there are minima, of msum.
template <class F>
inline Ints8 RowBlock(const F& f, const uint8_t* block, size_t r, const int8_t* q, Words16 sums,
                      Ints8* msum) {
  constexpr size_t kChunks = F::kSize / 32;
  Bytes32 w[kChunks];
  f.Weights(block, r, w);
  if constexpr (kChunks == 1) {
    const Bytes32 bytes = LoadBytes(q);
    return F::kSigned ? DotQuads(Magnitudes(w[0]), WithSignOf(w[0], bytes)) : DotQuads(w[0], bytes);
  } else {
    RunScales runs;
    f.Runs(block, r, &runs);
    Ints8 isum = ZeroInts();
    if constexpr (F::kOffset != 0) {
      isum = MulWordPairs(MulWords(runs.subscale, SplatWords(-F::kOffset)), sums);
    }
    ForEach<kChunks>([&](auto c) TAEL_INLINE_LAMBDA {
      const Words16 products = MulBytes<F::kSigned>(w[c], LoadBytes(q + 32 * c));
      isum = AddWordPairs(isum, products, SpreadRuns(runs.subscale, static_cast<int>(c)));
    });
    if constexpr (F::kMinimum) *msum = MulWordPairs(runs.minimum, sums);
    return isum;
  }
}

// Eight outputs of activation row i.
template <class F>
inline void VectorTile(const IntegerProduct& a, F& f, size_t i, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Floats8 acc = ZeroFloats(), accm = ZeroFloats();
  for (size_t b = 0; b < a.x.k / F::kSize; ++b) {
    f.Prepare(rows, b);
    const int8_t* q = a.Q(i, b * F::kSize);
    const int16_t* sums = a.Sums(i, b * F::kSize);
    const Words16 sorted = F::kSize == 256 ? SortRuns(LoadBytes(sums)) : ZeroInts();
    Ints8 part[kRowTile], mpart[kRowTile];
    ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA {
      part[r] = RowBlock(f, rows[r] + b * sizeof(typename F::Block), r, q, sorted, &mpart[r]);
    });
    Ints8 isum = SumEach(part);
    if constexpr (F::kSize == 32 && F::kOffset != 0) {
      isum = SubInts(isum, SplatInts(F::kOffset * (sums[0] + sums[1])));
    }
    const Floats8 da = SplatFloats(a.Scale(i, b * F::kSize));
    acc = FmaFloats(ToFloats(isum), MulFloats(f.Scales(rows, b), da), acc);
    if constexpr (F::kMinimum) {
      Ints8 msum;
      if constexpr (F::kSize == 32) {
        msum = SplatInts(sums[0] + sums[1]);
      } else {
        msum = SumEach(mpart);
      }
      accm = FmaFloats(ToFloats(msum), MulFloats(f.MinimumScales(rows, b), da), accm);
    }
  }
  if constexpr (F::kMinimum) acc = AddFloats(acc, accm);
  StoreFloats(acc, a.y + i * a.ldy + j, a.n - j);
}

}  // namespace
}  // namespace tael::TAEL_ISA
