// The panel of matmul_integer_pair_panel.inl.h for instructions that add four byte products at
// once: sixteen weight rows are the lanes, and four activation rows pass at a time. The instruction
// multiplies unsigned by signed bytes: weights are stored as w + kShift, and kShift * (sum of q) is
// taken off again. Sums are modulo 2^32 and the results fit (quant/integer_form.h): whatever the
// order of additions, they are the exact ones.
namespace tael::TAEL_ISA {
namespace {

// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kPanelMinRows = 4;
inline constexpr size_t kPanelSpan = 256;
inline constexpr size_t kPanelRows = 16;

// Up to 256 elements of sixteen weight rows r.
template <class F>
struct Panel {
  static constexpr size_t kBlocks = kPanelSpan / F::kSize;
  static constexpr bool kRuns = F::kSize == 256;
  static constexpr int kShift = F::kSigned ? 128 : F::kOffset;
  size_t first, count;                                       // integer blocks of a row
  alignas(64) uint8_t w[kPanelSpan / 4][kPanelRows][4];      // [g][r]: elements 4g .. 4g + 3
  alignas(64) int32_t subscale[kRuns ? 16 : 1][kPanelRows];  // [run][r]
  alignas(64) int16_t pair[kRuns ? 8 : 1][kPanelRows][2];    // [c][r]: of runs 2c and 2c + 1
  alignas(64) int16_t minimum[kRuns ? 8 : 1][kPanelRows][2];
  alignas(64) float d[kBlocks][kPanelRows], dm[kBlocks][kPanelRows];
};

// Sub-scales and minima of rows [row, row + 8).
template <class F>
inline void FillPanelRuns(const RunScales (&runs)[kRowTile], size_t row, Panel<F>* panel) {
  Words16 t[8];
  ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = runs[r].subscale; });
  TransposeWords(t);
  ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
    StoreBytes(EvenInts(t[c]), &panel->subscale[2 * c][row]);
    StoreBytes(OddInts(t[c]), &panel->subscale[2 * c + 1][row]);
    StoreBytes(EvenAndOdd(t[c]), panel->pair[c][row]);
  });
  if constexpr (F::kMinimum) {
    ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = runs[r].minimum; });
    TransposeWords(t);
    ForEach<8>([&](auto c)
                   TAEL_INLINE_LAMBDA { StoreBytes(EvenAndOdd(t[c]), panel->minimum[c][row]); });
  }
}

// Block b of the panel, rows [row, row + 8), which lie at `rows`.
template <class F>
[[gnu::noinline]] void FillPanelBlock(F& f, RowPointers& rows, size_t b, size_t row,
                                      Panel<F>* panel) {
  constexpr size_t kChunks = F::kSize / 32;
  const size_t index = panel->first + b;
  Bytes32 chunk[kChunks][kRowTile];
  RunScales runs[kRowTile];
  f.Prepare(rows, index);
  for (size_t r = 0; r < kRowTile; ++r) {
    const uint8_t* block = rows[r] + index * sizeof(typename F::Block);
    Bytes32 w[kChunks];
    f.Weights(block, r, w);
    ForEach<kChunks>([&](auto c)
                         TAEL_INLINE_LAMBDA { chunk[c][r] = F::kSigned ? Add128(w[c]) : w[c]; });
    if constexpr (F::kSize == 256) f.Runs(block, r, &runs[r]);
  }
  for (size_t c = 0; c < kChunks; ++c) {
    Bytes32 groups[8];
    TransposeInts(chunk[c], groups);
    ForEach<8>([&](auto g) TAEL_INLINE_LAMBDA {
      StoreBytes(groups[g], panel->w[8 * (b * kChunks + c) + g][row]);
    });
  }
  if constexpr (F::kSize == 256) FillPanelRuns<F>(runs, row, panel);
  StoreFloats(f.Scales(rows, index), &panel->d[b][row], kRowTile);
  if constexpr (F::kMinimum) {
    StoreFloats(f.MinimumScales(rows, index), &panel->dm[b][row], kRowTile);
  }
}

// One block of `Acts` activation rows: where it lies, and its sums with the sixteen weight rows.
template <size_t Acts>
struct PanelStep {
  const int8_t* q[Acts];
  const int16_t* sums[Acts];
  I32x16 isum[Acts], msum[Acts];
};

// Adds to `dot` the products of elements [first, first + Count) of the block with the groups of
// the panel from `group` on.
template <size_t Count, class F, size_t Acts>
[[gnu::always_inline]] inline void AddGroups(const Panel<F>& panel, size_t group, size_t first,
                                             const PanelStep<Acts>& step, I32x16 (&dot)[Acts]) {
  ForEach<Count / 4>([&](auto g) TAEL_INLINE_LAMBDA {
    const I32x16 w = LoadInts16(panel.w[group + g]);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      dot[s] = AddQuads(dot[s], w, Broadcast4Bytes16(step.q[s] + first + 4 * g));
    });
  });
}

// Block b of the panel, of 32 elements.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void SumSmallBlock(const Panel<F>& panel, size_t b,
                                                 PanelStep<Acts>* step) {
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    const int sum = step->sums[s][0] + step->sums[s][1];
    step->isum[s] = SplatInts16(-Panel<F>::kShift * sum);
    step->msum[s] = SplatInts16(sum);
  });
  AddGroups<32>(panel, 8 * b, 0, *step, step->isum);
}

// isum = -kShift * (sub-scales times sums of q), msum = minima times sums of q.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void SumRuns(const Panel<F>& panel, PanelStep<Acts>* step) {
  constexpr bool kShifted = Panel<F>::kShift != 0;
  I32x16 isum[Acts], msum[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { isum[s] = msum[s] = ZeroInts16(); });
  for (size_t c = 0; c < 8 && (kShifted || F::kMinimum); ++c) {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const I32x16 sums = Broadcast4Bytes16(step->sums[s] + 2 * c);
      if constexpr (kShifted) isum[s] = AddWordPairs(isum[s], LoadInts16(panel.pair[c]), sums);
      if constexpr (F::kMinimum) {
        msum[s] = AddWordPairs(msum[s], LoadInts16(panel.minimum[c]), sums);
      }
    });
  }
  const I32x16 shift = SplatInts16(-Panel<F>::kShift);
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    step->isum[s] = kShifted ? AddProducts(ZeroInts16(), isum[s], shift) : isum[s];
    step->msum[s] = msum[s];
  });
}

// The panel's only block, of 256 elements: runs of kRun elements share a sub-scale.
template <class F, size_t Acts>
[[gnu::always_inline]] inline void SumSuperBlock(const Panel<F>& panel, PanelStep<Acts>* step) {
  SumRuns(panel, step);
  for (size_t first = 0; first < F::kSize; first += F::kRun) {
    I32x16 dot[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { dot[s] = ZeroInts16(); });
    AddGroups<F::kRun>(panel, first / 4, first, *step, dot);
    const I32x16 subscale = LoadInts16(panel.subscale[first / 16]);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      step->isum[s] = AddProducts(step->isum[s], dot[s], subscale);
    });
  }
}

// Activation rows [i, i + Acts) over the panel: its steps of their chains.
template <size_t Acts, class F>
[[gnu::noinline]] void PassPanel(const IntegerProduct& a, const Panel<F>& panel, size_t i,
                                 F32x16* acc, F32x16* accm) {
  F32x16 chain[Acts], chainm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    chain[s] = acc[s];
    if constexpr (F::kMinimum) chainm[s] = accm[s];
  });
  for (size_t b = 0; b < panel.count; ++b) {
    const size_t element = (panel.first + b) * F::kSize;
    PanelStep<Acts> step;
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      step.q[s] = a.Q(i + s, element);
      step.sums[s] = a.Sums(i + s, element);
    });
    if constexpr (F::kSize == 32) {
      SumSmallBlock(panel, b, &step);
    } else {
      SumSuperBlock(panel, &step);
    }
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const F32x16 da = Splat(a.Scale<F::kSize>(i + s, element));
      chain[s] = Fma(ToFloats(step.isum[s]), Mul(Load(panel.d[b]), da), chain[s]);
      if constexpr (F::kMinimum) {
        chainm[s] = Fma(ToFloats(step.msum[s]), Mul(Load(panel.dm[b]), da), chainm[s]);
      }
    });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    acc[s] = chain[s];
    if constexpr (F::kMinimum) accm[s] = chainm[s];
  });
}

// Sixteen weight rows from j, activation rows [begin, begin + count), count <= kIntegerActs.
template <class F>
inline void PanelTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  const uint8_t *low[kRowTile], *high[kRowTile];
  TileRows(a, j, low);
  TileRows(a, j + kRowTile, high);
  Panel<F> panel;
  F32x16 acc[kIntegerActs], accm[kIntegerActs];
  for (size_t i = 0; i < count; ++i) acc[i] = accm[i] = Zero();
  const size_t blocks = a.x.k / F::kSize;
  for (size_t first = 0; first < blocks; first += Panel<F>::kBlocks) {
    const size_t left = blocks - first;
    panel.first = first;
    panel.count = left < Panel<F>::kBlocks ? left : Panel<F>::kBlocks;
    for (size_t b = 0; b < panel.count; ++b) {
      FillPanelBlock(f, low, b, 0, &panel);
      FillPanelBlock(f, high, b, kRowTile, &panel);
    }
    size_t i = 0;
    for (; i + 4 <= count; i += 4) PassPanel<4>(a, panel, begin + i, acc + i, accm + i);
    for (; i < count; ++i) PassPanel<1>(a, panel, begin + i, acc + i, accm + i);
  }
  for (size_t i = 0; i < count; ++i) {
    const F32x16 y = F::kMinimum ? Add(acc[i], accm[i]) : acc[i];
    float* out = a.y + (begin + i) * a.ldy + j;
    if (a.n - j >= kPanelRows) {
      Store(y, out);
    } else {
      StorePartial(y, out, a.n - j);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
