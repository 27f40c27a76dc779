// The tile of the integer matrix product for many activation rows, with instructions that add pairs
// of byte products: 256 weights of eight rows are turned into a panel in which four bytes of each
// row lie side by side, so that products land in their row's lane without any adding across, and
// all activation rows pass over the panel.
namespace tael::TAEL_ISA {
namespace {

// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kPanelMinRows = F::kSize == 256 ? 5 : 4;
inline constexpr size_t kPanelSpan = 256;
inline constexpr size_t kPanelRows = 2 * kRowTile;

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

// Activation rows that pass over the panels together, and panels side by side: what the registers
// hold sums for. Each load of weights or activations then serves two products.
inline constexpr size_t kPassActs = 2, kPassPanels = 2;

// The sums of one block: of each panel with each activation row.
template <size_t Panels, size_t Acts>
using PassSums = Ints8[Panels][Acts];

// What an offset or the minima contribute, from the sums of each run's activations.
template <class F, size_t Panels, size_t Acts>
inline void AddRunSums(const Panel<F>* panels, const int16_t* const (&sums)[Acts],
                       PassSums<Panels, Acts>& isum, PassSums<Panels, Acts>& msum) {
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    if constexpr (F::kSize == 32) {
      const int32_t total = F::kOffset != 0 || F::kMinimum ? sums[s][0] + sums[s][1] : 0;
      ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA {
        isum[p][s] = SplatInts(-F::kOffset * total);
        msum[p][s] = SplatInts(total);
      });
    } else {
      ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA { isum[p][s] = msum[p][s] = ZeroInts(); });
      if constexpr (F::kOffset != 0 || F::kMinimum) {
        ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
          const Words16 pair = Broadcast4Bytes(sums[s] + 2 * c);
          ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA {
            if constexpr (F::kOffset != 0) {
              isum[p][s] = AddInts(isum[p][s], MulWordPairs(panels[p].correction[c], pair));
            }
            if constexpr (F::kMinimum) {
              msum[p][s] = AddInts(msum[p][s], MulWordPairs(panels[p].minimum[c], pair));
            }
          });
        });
      }
    }
  });
}

// Adds `kDepth` groups of four elements, from group g of the panels on, which share the sub-scales
// `run`.
template <class F, size_t Panels, size_t Acts>
inline void AddGroups(const Panel<F>* panels, size_t g, size_t run, const int8_t* const (&q)[Acts],
                      PassSums<Panels, Acts>& isum) {
  Words16 products[Panels][Acts];
  ForEach<static_cast<size_t>(F::kDepth)>([&](auto e) TAEL_INLINE_LAMBDA {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Bytes32 bytes = Broadcast4Bytes(q[s] + 4 * e);
      ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA {
        const Bytes32 right =
            F::kSigned ? WithSignOf(panels[p].sign[F::kSigned ? g + e : 0], bytes) : bytes;
        const Words16 product = MulBytePairs(panels[p].w[g + e], right);
        products[p][s] = e == 0 ? product : AddWords(products[p][s], product);
        Settle(products[p][s]);
      });
    });
  });
  ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA {
    const Words16 scale = F::kSize == 256 ? panels[p].subscale[run] : SplatWords(1);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      isum[p][s] = AddInts(isum[p][s], MulWordPairs(products[p][s], scale));
    });
  });
}

template <class F>
using RowChains = PanelChains<kPassPanels, F::kMinimum>;

// Blocks [first, first + count) of the panels with activation rows [i, i + Acts) of the tile that
// starts at row `begin`.
template <class F, size_t Panels, size_t Acts>
inline void PanelPass(const IntegerProduct& a, const Panel<F>* panels, size_t first, size_t count,
                      size_t begin, size_t i, RowChains<F>* chains) {
  constexpr size_t kGroups = F::kSize / 4, kDepth = static_cast<size_t>(F::kDepth);
  for (size_t b = 0; b < count; ++b) {
    const size_t element = (first + b) * F::kSize;
    const int8_t* q[Acts];
    const int16_t* sums[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(begin + i + s, element);
      sums[s] = a.Sums(begin + i + s, element);
    });
    PassSums<Panels, Acts> isum, msum;
    AddRunSums<F, Panels, Acts>(panels, sums, isum, msum);
    if constexpr (F::kMinimum) {
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        const Floats8 da = SplatFloats(a.Scale<F::kSize>(begin + i + s, element));
        ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA {
          Floats8& chain = chains->accm[p][i + s];
          chain = FmaFloats(ToFloats(msum[p][s]), MulFloats(panels[p].dm[b], da), chain);
        });
      });
    }
    for (size_t g = 0; g < kGroups; g += kDepth) {
      AddGroups<F, Panels, Acts>(panels, b * kGroups + g, g / 4, q, isum);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += 4 * kDepth; });
    }
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Floats8 da = SplatFloats(a.Scale<F::kSize>(begin + i + s, element));
      ForEach<Panels>([&](auto p) TAEL_INLINE_LAMBDA {
        Floats8& chain = chains->acc[p][i + s];
        chain = FmaFloats(ToFloats(isum[p][s]), MulFloats(panels[p].d[b], da), chain);
      });
    });
  }
}

// Panels * 8 weight rows from j, activation rows [begin, begin + count), count <= kIntegerActs.
template <class F, size_t Panels>
inline void PanelStrip(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  Panel<F> panels[Panels];
  RowChains<F> chains;
  chains.Clear(Panels, count, ZeroFloats());
  const size_t blocks = a.x.k / F::kSize;
  constexpr size_t kSome = Panel<F>::kBlocks;
  FetchAhead ahead(a.w + j * a.row_bytes, Panels * kRowTile * a.row_bytes,
                   (blocks + kSome - 1) / kSome);
  for (size_t first = 0; first < blocks; first += kSome) {
    const size_t some = blocks - first < kSome ? blocks - first : kSome;
    ahead.Step();
    for (size_t p = 0; p < Panels; ++p) {
      const uint8_t* rows[kRowTile];
      TileRows(a, j + p * kRowTile, rows);
      FillPanel(f, rows, first, some, &panels[p]);
    }
    size_t i = 0;
    for (; i + kPassActs <= count; i += kPassActs) {
      PanelPass<F, Panels, kPassActs>(a, panels, first, some, begin, i, &chains);
    }
    if (i < count) PanelPass<F, Panels, 1>(a, panels, first, some, begin, i, &chains);
  }
  for (size_t p = 0; p < Panels; ++p) {
    const size_t row = j + p * kRowTile;
    for (size_t i = 0; i < count; ++i) {
      Floats8 out = chains.acc[p][i];
      if constexpr (F::kMinimum) out = AddFloats(out, chains.accm[p][i]);
      StoreFloats(out, a.y + (begin + i) * a.ldy + row, a.n - row);
    }
  }
}

// kPanelRows weight rows from j, or what is left of them.
template <class F>
inline void PanelTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  if (a.n - j > kRowTile) {
    PanelStrip<F, kPassPanels>(a, f, begin, count, j);
  } else {
    PanelStrip<F, 1>(a, f, begin, count, j);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
