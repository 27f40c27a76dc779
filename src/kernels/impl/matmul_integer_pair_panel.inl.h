// The tile of the integer matrix product for many activation rows, with instructions that add pairs
// of byte products: 256 weights of eight rows are turned into a panel in which four bytes of each
// row lie side by side, so that products land in their row's lane without any adding across, and
// all activation rows pass over the panel.
namespace tael::TAEL_ISA {
namespace {

// From this many activation rows on, making panels pays.
inline constexpr size_t kPanelMinRows = 4;
inline constexpr size_t kPanelSpan = 256;
inline constexpr size_t kPanelRows = kRowTile;

// 256 elements of eight weight rows. Lane r of every register belongs to row r.
template <class F>
struct Panel {
  static constexpr size_t kBlocks = kPanelSpan / F::kSize;
  static constexpr bool kRuns = F::kSize == 256;
  Bytes32 w[kPanelSpan / 4];                      // elements 4g .. 4g + 3 (of |w| if kSigned)
  Bytes32 sign[F::kSigned ? kPanelSpan / 4 : 1];  // the same with their sign
  Words16 subscale[kRuns ? 16 : 1];               // of run r, twice per lane
  Words16 correction[kRuns ? 8 : 1];              // -kOffset * sub-scale of runs 2c, 2c + 1
  Words16 minimum[kRuns ? 8 : 1];                 // of runs 2c, 2c + 1
  Floats8 d[kBlocks], dm[kBlocks];
};

template <class F>
inline void FillPanelRuns(const Words16 (&subscale)[8], const Words16 (&minimum)[8],
                          Panel<F>* panel) {
  Words16 t[8];
  ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = subscale[r]; });
  TransposeWords(t);
  ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
    panel->subscale[2 * c] = EvenTwice(t[c]);
    panel->subscale[2 * c + 1] = OddTwice(t[c]);
    if constexpr (F::kOffset != 0) {
      panel->correction[c] = MulWords(EvenAndOdd(t[c]), SplatWords(-F::kOffset));
    }
  });
  if constexpr (F::kMinimum) {
    ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = minimum[r]; });
    TransposeWords(t);
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA { panel->minimum[c] = EvenAndOdd(t[c]); });
  }
}

// Integer blocks [first, first + count) of eight rows.
template <class F>
inline void FillPanel(F& f, const uint8_t* const (&rows)[kRowTile], size_t first, size_t count,
                      Panel<F>* panel) {
  constexpr size_t kChunks = F::kSize / 32;
  Bytes32 chunk[kChunks][kRowTile];
  Words16 subscale[kRowTile], minimum[kRowTile];
  for (size_t b = 0; b < count; ++b) {
    f.Prepare(rows, first + b);
    for (size_t r = 0; r < kRowTile; ++r) {
      const uint8_t* block = rows[r] + (first + b) * sizeof(typename F::Block);
      Bytes32 w[kChunks];
      f.Weights(block, r, w);
      ForEach<kChunks>([&](auto c) TAEL_INLINE_LAMBDA { chunk[c][r] = w[c]; });
      if constexpr (F::kSize == 256) {
        RunScales runs;
        f.Runs(block, r, &runs);
        subscale[r] = runs.subscale;
        if constexpr (F::kMinimum) minimum[r] = runs.minimum;
      }
    }
    for (size_t c = 0; c < kChunks; ++c) {
      Bytes32* out = panel->w + 8 * (b * kChunks + c);
      TransposeInts(chunk[c], out);
      if constexpr (F::kSigned) {
        ForEach<8>([&](auto g) TAEL_INLINE_LAMBDA {
          panel->sign[8 * (b * kChunks + c) + g] = out[g];
          out[g] = Magnitudes(out[g]);
        });
      }
    }
    if constexpr (F::kSize == 256) FillPanelRuns<F>(subscale, minimum, panel);
    panel->d[b] = f.Scales(rows, first + b);
    if constexpr (F::kMinimum) panel->dm[b] = f.MinimumScales(rows, first + b);
  }
}

// Adds run `run` of the panel times 16 activations at `q` to the sums of eight rows.
template <class F>
inline Ints8 AddRun(const Panel<F>& panel, size_t run, const int8_t* q, Ints8 isum) {
  const Words16 scale = F::kSize == 256 ? panel.subscale[run] : SplatWords(1);
  constexpr size_t kDepth = static_cast<size_t>(F::kDepth);
  ForEach<4 / kDepth>([&](auto part) TAEL_INLINE_LAMBDA {
    Words16 products = SplatWords(0);
    ForEach<kDepth>([&](auto i) TAEL_INLINE_LAMBDA {
      const size_t e = part * kDepth + i;
      Bytes32 bytes = Broadcast4Bytes(q + 4 * e);
      if constexpr (F::kSigned) bytes = WithSignOf(panel.sign[4 * run + e], bytes);
      products = AddWords(products, MulBytePairs(panel.w[4 * run + e], bytes));
    });
    isum = AddInts(isum, MulWordPairs(products, scale));
  });
  return isum;
}

// Block b of the panel, activation row i, elements from `element` on: one step of both chains.
template <class F>
inline void PanelBlock(const IntegerProduct& a, const Panel<F>& panel, size_t b, size_t i,
                       size_t element, Floats8* acc, Floats8* accm) {
  constexpr size_t kRunCount = F::kSize / 16;
  const int8_t* q = a.Q(i, element);
  const int16_t* sums = a.Sums(i, element);
  Ints8 isum = ZeroInts(), msum = ZeroInts();
  if constexpr (F::kSize == 32) {
    if constexpr (F::kOffset != 0) isum = SplatInts(-F::kOffset * (sums[0] + sums[1]));
    if constexpr (F::kMinimum) msum = SplatInts(sums[0] + sums[1]);
  } else {
    ForEach<kRunCount / 2>([&](auto c) TAEL_INLINE_LAMBDA {
      const Words16 pair = Broadcast4Bytes(sums + 2 * c);
      if constexpr (F::kOffset != 0) {
        isum = AddInts(isum, MulWordPairs(panel.correction[c], pair));
      }
      if constexpr (F::kMinimum) msum = AddInts(msum, MulWordPairs(panel.minimum[c], pair));
    });
  }
  ForEach<kRunCount>([&](auto run) TAEL_INLINE_LAMBDA {
    isum = AddRun(panel, b * kRunCount + run, q + 16 * run, isum);
  });
  const Floats8 da = SplatFloats(a.Scale(i, element));
  *acc = FmaFloats(ToFloats(isum), MulFloats(panel.d[b], da), *acc);
  if constexpr (F::kMinimum) {
    *accm = FmaFloats(ToFloats(msum), MulFloats(panel.dm[b], da), *accm);
  }
}

// Eight weight rows from j, activation rows [begin, begin + count), count <= kIntegerActs.
template <class F>
inline void PanelTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Panel<F> panel;
  Floats8 acc[kIntegerActs], accm[F::kMinimum ? kIntegerActs : 1];
  for (size_t i = 0; i < count; ++i) acc[i] = ZeroFloats();
  if constexpr (F::kMinimum) {
    for (size_t i = 0; i < count; ++i) accm[i] = ZeroFloats();
  }
  const size_t blocks = a.x.k / F::kSize;
  for (size_t first = 0; first < blocks; first += Panel<F>::kBlocks) {
    const size_t left = blocks - first;
    const size_t some = left < Panel<F>::kBlocks ? left : Panel<F>::kBlocks;
    FillPanel(f, rows, first, some, &panel);
    for (size_t i = 0; i < count; ++i) {
      Floats8 chain = acc[i], chainm = ZeroFloats();
      if constexpr (F::kMinimum) chainm = accm[i];
      for (size_t b = 0; b < some; ++b) {
        PanelBlock(a, panel, b, begin + i, (first + b) * F::kSize, &chain, &chainm);
      }
      acc[i] = chain;
      if constexpr (F::kMinimum) accm[i] = chainm;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if constexpr (F::kMinimum) acc[i] = AddFloats(acc[i], accm[i]);
    StoreFloats(acc[i], a.y + (begin + i) * a.ldy + j, a.n - j);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
