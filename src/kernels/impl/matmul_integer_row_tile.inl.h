// The tile of the integer matrix product for few activation rows: each block of eight weight rows
// is unpacked in registers once, multiplied by every activation row, and the partial sums are added
// across.
namespace tael::TAEL_ISA {
namespace {

// More activation rows than this are computed in several passes, or by panels.
inline constexpr size_t kRowTileActs = 4;

template <bool Signed>
inline Words16 MulBytes(Bytes32 w, Bytes32 magnitudes, Bytes32 q) {
  return Signed ? MulBytePairs(magnitudes, WithSignOf(w, q)) : MulBytePairs(w, q);
}

// Of one block: where `Acts` activation rows have it, and eight partial sums for each weight row,
// of isum and, where there are minima, of msum.
template <class F, size_t Acts>
struct RowTileBlock {
  const int8_t* q[Acts];
  const int16_t* sums[Acts];
  Words16 sorted[F::kSize == 256 ? Acts : 1];
  Ints8 part[Acts][kRowTile], mpart[F::kMinimum ? Acts : 1][kRowTile];
};

// One weight row of a block of 256.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void SuperRow(const F& f, const uint8_t* block, size_t r,
                                            RowTileBlock<F, Acts>* t) {
  constexpr size_t kChunks = F::kSize / 32;
  Bytes32 w[kChunks];
  f.Weights(block, r, w);
  RunScales runs;
  f.Runs(block, r, &runs);
  Ints8 isum[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    isum[s] = ZeroInts();
    if constexpr (F::kOffset != 0) {
      isum[s] = MulWordPairs(MulWords(runs.subscale, SplatWords(-F::kOffset)), t->sorted[s]);
    }
    if constexpr (F::kMinimum) t->mpart[s][r] = MulWordPairs(runs.minimum, t->sorted[s]);
  });
  ForEach<kChunks>([&](auto c) TAEL_INLINE_LAMBDA {
    const Bytes32 magnitudes = F::kSigned ? Magnitudes(w[c]) : w[c];
    const Words16 scale = SpreadRuns(runs.subscale, static_cast<int>(c));
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Words16 products = MulBytes<F::kSigned>(w[c], magnitudes, LoadBytes(t->q[s] + 32 * c));
      isum[s] = AddWordPairs(isum[s], products, scale);
      Settle(isum[s]);
    });
  });
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { t->part[s][r] = isum[s]; });
}

// One weight row of a block of 32.
template <class F, size_t Acts>
inline void SmallRow(const F& f, const uint8_t* block, size_t r, RowTileBlock<F, Acts>* t) {
  Bytes32 w[1];
  f.Weights(block, r, w);
  const Bytes32 magnitudes = F::kSigned ? Magnitudes(w[0]) : w[0];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    const Bytes32 q = LoadBytes(t->q[s]);
    t->part[s][r] = DotQuads(magnitudes, F::kSigned ? WithSignOf(w[0], q) : q);
  });
}

template <class F, size_t Acts>
[[gnu::always_inline]] inline void TileRow(const F& f, const uint8_t* block, size_t r,
                                           RowTileBlock<F, Acts>* t) {
  if constexpr (F::kSize == 256) {
    SuperRow(f, block, r, t);
  } else {
    SmallRow(f, block, r, t);
  }
}

// Finds block b of `Acts` activation rows from i.
template <class F, size_t Acts>
inline void FindActs(const IntegerProduct& a, size_t i, size_t b, RowTileBlock<F, Acts>* t) {
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    t->q[s] = a.Q(i + s, b * F::kSize);
    t->sums[s] = a.Sums(i + s, b * F::kSize);
    if constexpr (F::kSize == 256) t->sorted[s] = SortRuns(LoadBytes(t->sums[s]));
  });
}

// Eight outputs of each of the activation rows [i, i + Acts).
template <class F, size_t Acts>
inline void RowTile(const IntegerProduct& a, F& f, size_t i, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Floats8 acc[Acts], accm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[s] = accm[s] = ZeroFloats(); });
  RowTileBlock<F, Acts> t;
  const size_t blocks = a.x.k / F::kSize;
  FetchAhead ahead(rows[0], kRowTile * a.row_bytes, blocks);
  for (size_t b = 0; b < blocks; ++b) {
    ahead.Step();
    f.Prepare(rows, b);
    FindActs(a, i, b, &t);
    ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA {
      TileRow(f, rows[r] + b * sizeof(typename F::Block), r, &t);
    });
    const Floats8 d = f.Scales(rows, b);
    Floats8 dm = ZeroFloats();
    if constexpr (F::kMinimum) dm = f.MinimumScales(rows, b);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      Ints8 isum = SumEach(t.part[s]);
      const int32_t total = F::kSize == 32 ? t.sums[s][0] + t.sums[s][1] : 0;
      if constexpr (F::kSize == 32 && F::kOffset != 0) {
        isum = SubInts(isum, SplatInts(F::kOffset * total));
      }
      const Floats8 da = SplatFloats(a.Scale<F::kSize>(i + s, b * F::kSize));
      acc[s] = FmaFloats(ToFloats(isum), MulFloats(d, da), acc[s]);
      if constexpr (F::kMinimum) {
        const Ints8 msum = F::kSize == 32 ? SplatInts(total) : SumEach(t.mpart[s]);
        accm[s] = FmaFloats(ToFloats(msum), MulFloats(dm, da), accm[s]);
      }
    });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    if constexpr (F::kMinimum) acc[s] = AddFloats(acc[s], accm[s]);
    StoreFloats(acc[s], a.y + (i + s) * a.ldy + j, a.n - j);
  });
}

// Eight outputs of each of the activation rows [begin, begin + count).
template <class F>
inline void VectorTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  for (; count >= kRowTileActs; begin += kRowTileActs, count -= kRowTileActs) {
    RowTile<F, kRowTileActs>(a, f, begin, j);
  }
  if (count == 3) RowTile<F, 3>(a, f, begin, j);
  if (count == 2) RowTile<F, 2>(a, f, begin, j);
  if (count == 1) RowTile<F, 1>(a, f, begin, j);
}

}  // namespace
}  // namespace tael::TAEL_ISA
