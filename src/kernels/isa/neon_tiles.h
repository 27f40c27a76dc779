// Integer matrix product (numerics.md, 5) on NEON in tiles of eight weight rows, which are the
// lanes of the float chains. The integers are those of impl/matmul_integer.inl.h in another order
// of exact additions; the chains are the same, block by block.
//
// Few activation rows: each weight block is unpacked in registers, multiplied, and the eight rows'
// partial sums are added across (VectorTile). Many: 256 weights of eight rows are turned into a
// panel in which four bytes of each row lie side by side, so that a byte product with a group of
// four activations lands in its row's lane without any adding across (PanelTile).
// Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kPanelMinRows = 4;
inline constexpr size_t kPanelSpan = 256;
inline constexpr size_t kPanelRows = kRowTile;
// Activation rows that share one load of the panel: as many as the registers hold sums for.
inline constexpr size_t kPanelActs = 4;

// Runs with their own sub-scale in a block, 16-element registers in a run.
template <class F>
inline constexpr size_t kRunCount = F::kSize / F::kRun;
template <class F>
inline constexpr size_t kRunVectors = F::kRun / 16;

// Sums of q over the runs of a block of 256.
template <class F>
inline void RunSums(const int16_t* sums, int16x8_t (&words)[2]) {
  words[0] = vld1q_s16(sums);
  words[1] = vld1q_s16(sums + 8);
  if constexpr (F::kRun == 32) words[0] = vpaddq_s16(words[0], words[1]);
}

// One block of one row: four partial sums of isum and, in blocks of 256 with minima, of msum.
template <class F>
inline int32x4_t RowBlock(const F& f, const uint8_t* block, size_t r, const int8_t* q,
                          const int16x8_t (&sums)[2], int32x4_t* msum) {
  int8x16_t w[F::kSize / 16];
  f.Weights(block, r, w);
  int32x4_t isum = ZeroInts4();
  if constexpr (F::kSize == 32) {
    ForEach<2>([&](auto v)
                   TAEL_INLINE_LAMBDA { isum = DotBytes(isum, w[v], vld1q_s8(q + 16 * v)); });
  } else {
    RunScales runs;
    f.Runs(block, r, &runs);
    ForEach<kRunCount<F>>([&](auto run) TAEL_INLINE_LAMBDA {
      int32x4_t dot = ZeroInts4();
      ForEach<kRunVectors<F>>([&](auto i) TAEL_INLINE_LAMBDA {
        constexpr size_t kVector = run * kRunVectors<F> + i;
        dot = DotBytes(dot, w[kVector], vld1q_s8(q + 16 * kVector));
      });
      isum = AddScaled<run % 8>(isum, dot, runs.subscale[run / 8]);
    });
    if constexpr (F::kMinimum) {
      int32x4_t m = ZeroInts4();
      ForEach<kRunCount<F> / 8>([&](auto i) TAEL_INLINE_LAMBDA {
        m = vmlal_s16(m, vget_low_s16(runs.minimum[i]), vget_low_s16(sums[i]));
        m = vmlal_high_s16(m, runs.minimum[i], sums[i]);
      });
      *msum = m;
    }
  }
  return isum;
}

// Eight outputs of activation row i.
template <class F>
inline void RowTile(const IntegerProduct& a, F& f, size_t i, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Floats8 acc = ZeroFloats(), accm = ZeroFloats();
  const size_t blocks = a.x.k / F::kSize;
  FetchAhead ahead(rows[0], kRowTile * a.row_bytes, blocks);
  for (size_t b = 0; b < blocks; ++b) {
    ahead.Step();
    f.Prepare(rows, b);
    const int8_t* q = a.Q(i, b * F::kSize);
    const int16_t* sums = a.Sums(i, b * F::kSize);
    int16x8_t run_sums[2];
    if constexpr (F::kSize == 256) RunSums<F>(sums, run_sums);
    int32x4_t part[kRowTile], mpart[kRowTile];
    ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA {
      const uint8_t* block = rows[r] + b * sizeof(typename F::Block);
      part[r] = RowBlock(f, block, r, q, run_sums, &mpart[r]);
    });
    const float da = a.Scale<F::kSize>(i, b * F::kSize);
    acc = Step(SumEach(part), f.Scales(rows, b), da, acc);
    if constexpr (F::kMinimum) {
      Ints8 msum;
      if constexpr (F::kSize == 32) {
        msum = SplatInts(sums[0] + sums[1]);
      } else {
        msum = SumEach(mpart);
      }
      accm = Step(msum, f.MinimumScales(rows, b), da, accm);
    }
  }
  if constexpr (F::kMinimum) acc = AddFloats(acc, accm);
  StoreFloats(acc, a.y + i * a.ldy + j, a.n - j);
}

// Eight outputs of each of the activation rows [begin, begin + count).
template <class F>
inline void VectorTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  for (size_t i = begin; i < begin + count; ++i) RowTile(a, f, i, j);
}

// 256 elements of eight weight rows. Lane r of the two registers of a pair together belongs to row
// r.
template <class F>
struct Panel {
  static constexpr size_t kBlocks = kPanelSpan / F::kSize;
  static constexpr size_t kRuns = F::kSize == 256 ? kRunCount<F> : 1;
  int8x16_t w[kPanelSpan / 4][2];  // elements 4g .. 4g + 3 of rows 0-3 | rows 4-7
  Ints8 subscale[kRuns];
  int16x8_t minimum[kRuns];
  Floats8 d[kBlocks], dm[kBlocks];
};

template <class F>
inline void FillPanelRuns(const RunScales (&runs)[kRowTile], Panel<F>* panel) {
  ForEach<kRunCount<F> / 8>([&](auto half) TAEL_INLINE_LAMBDA {
    int16x8_t t[8];
    ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = runs[r].subscale[half]; });
    TransposeWords(t);
    ForEach<8>([&](auto i) TAEL_INLINE_LAMBDA {
      panel->subscale[8 * half + i] = {vmovl_s16(vget_low_s16(t[i])), vmovl_high_s16(t[i])};
    });
    if constexpr (F::kMinimum) {
      ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = runs[r].minimum[half]; });
      TransposeWords(t);
      ForEach<8>([&](auto i) TAEL_INLINE_LAMBDA { panel->minimum[8 * half + i] = t[i]; });
    }
  });
}

// Integer blocks [first, first + count) of eight rows.
template <class F>
inline void FillPanel(F& f, RowPointers& rows, size_t first, size_t count, Panel<F>* panel) {
  constexpr size_t kVectors = F::kSize / 16;
  int8x16_t chunk[kVectors][2][4];  // 16 elements of rows 0-3 | rows 4-7
  RunScales runs[kRowTile];
  for (size_t b = 0; b < count; ++b) {
    f.Prepare(rows, first + b);
    for (size_t r = 0; r < kRowTile; ++r) {
      const uint8_t* block = rows[r] + (first + b) * sizeof(typename F::Block);
      int8x16_t w[kVectors];
      f.Weights(block, r, w);
      ForEach<kVectors>([&](auto v) TAEL_INLINE_LAMBDA { chunk[v][r / 4][r % 4] = w[v]; });
      if constexpr (F::kSize == 256) f.Runs(block, r, &runs[r]);
    }
    for (size_t v = 0; v < kVectors; ++v) {
      int8x16_t(*out)[2] = panel->w + 4 * (b * kVectors + v);
      ForEach<2>([&](auto half) TAEL_INLINE_LAMBDA {
        int8x16_t groups[4];
        TransposeInts(chunk[v][half], groups);
        ForEach<4>([&](auto g) TAEL_INLINE_LAMBDA { out[g][half] = groups[g]; });
      });
    }
    if constexpr (F::kSize == 256) FillPanelRuns(runs, panel);
    panel->d[b] = f.Scales(rows, first + b);
    if constexpr (F::kMinimum) panel->dm[b] = f.MinimumScales(rows, first + b);
  }
}

// `Acts` activation rows from i against the block of the panel that starts at element `at` of the
// row: the exact sums, one Ints8 per activation row.
template <class F, size_t Acts>
inline void PanelDots(const IntegerProduct& a, const Panel<F>& panel, size_t b, size_t i, size_t at,
                      Ints8 (&isum)[Acts]) {
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { isum[s] = SplatInts(0); });
  for (size_t run = 0; run < kRunCount<F>; ++run) {
    Ints8 dot[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { dot[s] = SplatInts(0); });
    ForEach<kRunVectors<F>>([&](auto v) TAEL_INLINE_LAMBDA {
      const size_t element = run * F::kRun + 16 * v;
      const int8x16_t(*w)[2] = panel.w + (b * F::kSize + element) / 4;
      int8x16_t q[Acts];
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] = vld1q_s8(a.Q(i + s, at + element)); });
      ForEach<4>([&](auto g) TAEL_INLINE_LAMBDA {
        ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
          dot[s].lo = DotGroup<g>(dot[s].lo, w[g][0], q[s]);
          dot[s].hi = DotGroup<g>(dot[s].hi, w[g][1], q[s]);
        });
      });
    });
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      if constexpr (F::kSize == 32) {
        isum[s] = dot[s];
      } else {
        isum[s].lo = vmlaq_s32(isum[s].lo, dot[s].lo, panel.subscale[run].lo);
        isum[s].hi = vmlaq_s32(isum[s].hi, dot[s].hi, panel.subscale[run].hi);
      }
    });
  }
}

// The minima's sum of one block and one activation row; `sums` are those of the block.
template <class F>
inline Ints8 MinimaSum(const int16x8_t* minimum, const int16_t* sums) {
  if constexpr (F::kSize == 32) {
    return SplatInts(sums[0] + sums[1]);
  } else {
    Ints8 msum = SplatInts(0);
    for (size_t run = 0; run < F::kSize / F::kRun; ++run) {
      int16_t sum = sums[run * (F::kRun / 16)];
      if constexpr (F::kRun == 32) sum = static_cast<int16_t>(sum + sums[2 * run + 1]);
      const int16x8_t factor = vdupq_n_s16(sum);
      msum.lo = vmlal_s16(msum.lo, vget_low_s16(minimum[run]), vget_low_s16(factor));
      msum.hi = vmlal_high_s16(msum.hi, minimum[run], factor);
    }
    return msum;
  }
}

// The chains of one output tile: eight weight rows by up to kIntegerActs activation rows from
// `begin`.
template <class F>
struct Chains {
  size_t begin;
  Floats8 acc[kIntegerActs], accm[F::kMinimum ? kIntegerActs : 1];
};

// Chains i .. i + Acts - 1 take `count` blocks of the panel, the first of which is block `first` of
// the rows.
template <class F, size_t Acts, class AnyPanel>
inline void PanelPass(const IntegerProduct& a, const AnyPanel& panel, size_t first, size_t count,
                      size_t i, Chains<F>* chains) {
  const size_t row = chains->begin + i;
  Floats8 acc[Acts], accm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    acc[s] = chains->acc[i + s];
    if constexpr (F::kMinimum) accm[s] = chains->accm[i + s];
  });
  for (size_t b = 0; b < count; ++b) {
    const size_t at = (first + b) * F::kSize;
    Ints8 isum[Acts];
    PanelDots(a, panel, b, row, at, isum);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const float da = a.Scale<F::kSize>(row + s, at);
      acc[s] = Step(isum[s], panel.d[b], da, acc[s]);
      if constexpr (F::kMinimum) {
        accm[s] = Step(MinimaSum<F>(panel.minimum, a.Sums(row + s, at)), panel.dm[b], da, accm[s]);
      }
    });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    chains->acc[i + s] = acc[s];
    if constexpr (F::kMinimum) chains->accm[i + s] = accm[s];
  });
}

// Eight weight rows from j, activation rows [begin, begin + count), count <= kIntegerActs. `fill`
// (first, some, panel) makes the panel of that many of the rows' `blocks`.
template <class F, class AnyPanel, class Fill>
inline void PassPanels(const IntegerProduct& a, size_t begin, size_t count, size_t j, size_t blocks,
                       const Fill& fill) {
  AnyPanel panel;
  Chains<F> chains;
  chains.begin = begin;
  for (size_t i = 0; i < count; ++i) {
    chains.acc[i] = ZeroFloats();
    if constexpr (F::kMinimum) chains.accm[i] = ZeroFloats();
  }
  for (size_t first = 0; first < blocks; first += AnyPanel::kBlocks) {
    const size_t left = blocks - first;
    const size_t some = left < AnyPanel::kBlocks ? left : AnyPanel::kBlocks;
    fill(first, some, &panel);
    size_t i = 0;
    for (; i + kPanelActs <= count; i += kPanelActs) {
      PanelPass<F, kPanelActs>(a, panel, first, some, i, &chains);
    }
    for (; i < count; ++i) PanelPass<F, 1>(a, panel, first, some, i, &chains);
  }
  for (size_t i = 0; i < count; ++i) {
    Floats8 out = chains.acc[i];
    if constexpr (F::kMinimum) out = AddFloats(out, chains.accm[i]);
    StoreFloats(out, a.y + (begin + i) * a.ldy + j, a.n - j);
  }
}
template <class F>
inline void PanelTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  PassPanels<F, Panel<F>>(a, begin, count, j, a.x.k / F::kSize,
                          [&](size_t first, size_t some, Panel<F>* panel)
                              TAEL_INLINE_LAMBDA { FillPanel(f, rows, first, some, panel); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
