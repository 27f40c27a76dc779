// The tile of interleaved_pair_tile.inl.h for many activation rows: 256 weights of the rows of two
// strips are unpacked into a panel in the first-level cache, and all
// activation rows pass over it, a few at a time.
namespace tael::TAEL_ISA {
namespace {

// Weight rows of a panel.
inline constexpr size_t kPanelRows = kRowTile;
inline constexpr size_t kPanelSpan = 256, kPassTiles = 2, kStripPanelActs = kIntegerActs;
// From this many activation rows on, making panels pays.
template <class F>
inline constexpr size_t kStripPanelMinRows = 12;
// Activation rows that pass together: what the registers hold products for. Signs and the offsets
// of small blocks need registers too.
template <class F>
inline constexpr size_t kPassActs = F::kSigned || F::kSize == 32 ? 2 : 3;

// 256 elements of eight weight rows. Lane r of every register belongs to row r.
template <class F>
struct StripPanel {
  static constexpr size_t kBlocks = kPanelSpan / F::kSize;
  Bytes32 w[kPanelSpan / 4];                      // elements 4g .. 4g + 3 (of |w| if kSigned)
  Bytes32 sign[F::kSigned ? kPanelSpan / 4 : 1];  // the same with their sign
  StripRuns runs;
  StripScales scales[kBlocks];
};

template <class F>
[[gnu::noinline]] void FillStripPanel(const StripProduct<F>& product, size_t j, size_t first,
                                      size_t count, StripPanel<F>* panel) {
  for (size_t b = 0; b < count; ++b) {
    const StripBlock block = product.Block(j, first + b);
    FetchStrip<F>(block);
    for (size_t piece = 0; piece < F::kPieces; ++piece) {
      const size_t at = b * F::kSize / 4 + piece * F::kPieceQuads;
      ForEach<F::kPieceQuads>([&](auto g) TAEL_INLINE_LAMBDA {
        const Bytes32 w = F::template Quad<g>(block, piece);
        panel->w[at + g] = F::kSigned ? Magnitudes(w) : w;
        if constexpr (F::kSigned) panel->sign[at + g] = w;
      });
    }
    F::Runs(block, &panel->runs);
    panel->scales[b] = F::Scales(block);
  }
}

// Adds kDepth groups of four elements, from group g of the panels on, which share the sub-scales
// `run`.
template <class F, size_t Strips, size_t Acts>
[[gnu::always_inline]] inline void AddPanelGroups(const StripPanel<F>* panels, size_t g, size_t run,
                                                  const int8_t* const (&q)[Acts],
                                                  Ints8 (&isum)[Acts][Strips]) {
  Words16 products[Acts][Strips];
  ForEach<static_cast<size_t>(F::kDepth)>([&](auto e) TAEL_INLINE_LAMBDA {
    Bytes32 w[Strips];
    ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
      w[p] = panels[p].w[g + e];
      Settle(w[p]);  // not loaded again for each row
    });
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Bytes32 bytes = Broadcast4Bytes(q[s] + 4 * e);
      ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
        const Bytes32 right =
            F::kSigned ? WithSignOf(panels[p].sign[F::kSigned ? g + e : 0], bytes) : bytes;
        const Words16 product = MulBytePairs(w[p], right);
        products[s][p] = e == 0 ? product : AddWords(products[s][p], product);
        Settle(products[s][p]);
      });
    });
  });
  ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
    const Words16 scale = F::kSize == 32 ? SplatWords(1) : panels[p].runs.subscale[run];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      isum[s][p] = AddWordPairs(isum[s][p], products[s][p], scale);
    });
  });
}

template <class F>
using StripChains = PanelChains<kPassTiles, F::kMinimum>;

// The blocks of a pass with activation rows [i, i + Acts) of the tile.
template <class F, size_t Strips, size_t Acts>
[[gnu::noinline]] void PassPanels(const IntegerProduct& a, const StripPanel<F>* panels,
                                  const PanelPass& pass, size_t i, StripChains<F>* chains) {
  constexpr size_t kGroups = F::kSize / 4, kDepth = F::kDepth;
  for (size_t b = 0; b < pass.count; ++b) {
    const size_t element = (pass.first + b) * F::kSize;
    const bool starts = pass.starts && b == 0, ends = pass.ends && b + 1 == pass.count;
    const int8_t* q[Acts];
    Ints8 isum[Acts][Strips];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(pass.begin + i + s, element);
      const StripRuns* runs[Strips];
      ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA { runs[p] = &panels[p].runs; });
      Ints8 msum[Strips];
      StartSums<F, Strips>(runs, a.Sums(pass.begin + i + s, element), isum[s], msum);
      if constexpr (F::kMinimum) {
        const Floats8 da = SplatFloats(a.Scale<F::kSize>(pass.begin + i + s, element));
        ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
          Floats8& chain = chains->accm[p][i + s];
          chain = FmaFloats(ToFloats(msum[p]), MulFloats(panels[p].scales[b].dm, da),
                            starts ? ZeroFloats() : chain);
        });
      }
    });
    for (size_t g = 0; g < kGroups; g += kDepth) {
      AddPanelGroups<F, Strips, Acts>(panels, b * kGroups + g, g * 4 / F::kRun, q, isum);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += 4 * kDepth; });
    }
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Floats8 da = SplatFloats(a.Scale<F::kSize>(pass.begin + i + s, element));
      ForEach<Strips>([&](auto p) TAEL_INLINE_LAMBDA {
        Floats8& chain = chains->acc[p][i + s];
        Floats8 sum = FmaFloats(ToFloats(isum[s][p]), MulFloats(panels[p].scales[b].d, da),
                                starts ? ZeroFloats() : chain);
        if (!ends) {
          chain = sum;
          return;
        }
        if constexpr (F::kMinimum) sum = AddFloats(sum, chains->accm[p][i + s]);
        StoreFloats(sum, a.y + (pass.begin + i + s) * a.ldy + pass.j + p * kRowTile, kRowTile);
      });
    });
  }
}

// All of `count` activation rows; the last ones in passes that are as equal as they can be.
template <class F, size_t Strips>
inline void PassAll(const IntegerProduct& a, const StripPanel<F>* panels, const PanelPass& pass,
                    size_t count, StripChains<F>* chains) {
  size_t i = 0;
  if constexpr (kPassActs<F> == 3) {
    for (; i + 5 <= count || i + 3 == count; i += 3) {
      PassPanels<F, Strips, 3>(a, panels, pass, i, chains);
    }
  }
  for (; i + 2 <= count; i += 2) PassPanels<F, Strips, 2>(a, panels, pass, i, chains);
  if (i < count) PassPanels<F, Strips, 1>(a, panels, pass, i, chains);
}

// `Strips` strips from row j, activation rows [begin, begin + count), count <= kStripPanelActs.
template <class F, size_t Strips>
inline void StripPanels(const StripProduct<F>& product, size_t begin, size_t count, size_t j) {
  StripPanel<F> panels[Strips];
  StripChains<F> chains;  // the first pass fills them
  constexpr size_t kSome = StripPanel<F>::kBlocks;
  const size_t blocks = product.blocks();
  PanelPass pass{0, 0, true, false, begin, j};
  for (; pass.first < blocks; pass.first += kSome, pass.starts = false) {
    pass.count = blocks - pass.first < kSome ? blocks - pass.first : kSome;
    pass.ends = pass.first + pass.count == blocks;
    for (size_t p = 0; p < Strips; ++p) {
      FillStripPanel(product, j + p * kRowTile, pass.first, pass.count, &panels[p]);
    }
    PassAll<F, Strips>(product.a, panels, pass, count, &chains);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
