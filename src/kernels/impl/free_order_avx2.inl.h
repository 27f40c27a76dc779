// Forms that make sense on AVX2 only (see free_order.inl.h), where a lane sum takes two registers.
namespace tael::TAEL_ISA {
namespace {

inline constexpr size_t kHalfRows = 4, kHalfActs = 3;  // twelve sums, four registers are left

// Half of the lanes of a tile of outputs over a piece of K: half the registers per output, so that
// a tile has twice the outputs and fewer loads per product. Every lane sees the same additions.
// panel: [span / 16][kHalfRows][8].
inline void HalfTile(const float* x, size_t ldx, size_t span, const float* panel, bool first,
                     Floats8* const (&lanes)[kHalfActs]) {
  Floats8 acc[kHalfRows][kHalfActs];
  ForEach<kHalfRows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<kHalfActs>(
        [&](auto s) TAEL_INLINE_LAMBDA { acc[r][s] = first ? ZeroFloats() : lanes[s][2 * r]; });
  });
  for (size_t e = 0; e < span; e += kLanes, panel += 8 * kHalfRows) {
    Floats8 acts[kHalfActs];
    ForEach<kHalfActs>([&](auto s) TAEL_INLINE_LAMBDA { acts[s] = LoadFloats(x + s * ldx + e); });
    ForEach<kHalfRows>([&](auto r) TAEL_INLINE_LAMBDA {
      const Floats8 weights = LoadFloats(panel + 8 * r);
      ForEach<kHalfActs>(
          [&](auto s) TAEL_INLINE_LAMBDA { acc[r][s] = FmaFloats(weights, acts[s], acc[r][s]); });
    });
  }
  ForEach<kHalfRows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<kHalfActs>([&](auto s) TAEL_INLINE_LAMBDA { lanes[s][2 * r] = acc[r][s]; });
  });
}

// Weights [p, p + Span) of `Panel` rows from j, as HalfTile() wants them: [Panel / 4][2 halves]
// [Span / 16][4][8].
template <class Element, size_t Panel, size_t Span>
inline void DecodeHalves(const FloatProduct& a, size_t j, size_t p, float* panel) {
  for (size_t r = 0; r < Panel; ++r) {
    const uint8_t* w = a.w + (j + r) * a.row_bytes + p * Element::kBytes;
    float* low = panel + r / kHalfRows * kHalfRows * Span + r % kHalfRows * 8;
    float* high = low + kHalfRows * Span / 2;
    for (size_t e = 0; e < Span; e += kLanes) {
      const F32x16 v = LoadAs<Element>(w + e * Element::kBytes);
      _mm256_storeu_ps(low + e / kLanes * 8 * kHalfRows, v.lo);
      _mm256_storeu_ps(high + e / kLanes * 8 * kHalfRows, v.hi);
    }
  }
}

// As SameFloatMatrix(), half of the lanes at a time in tiles of 4 weight rows x 3 activation rows.
template <class Element, size_t Panel, size_t Span>
void SameFloatHalves(const FloatProduct& a, size_t m, size_t n) {
  constexpr size_t kActs = 24;
  alignas(64) float panel[Panel * Span];
  Floats8 lanes[kActs][Panel][2];
  for (size_t j = 0; j < n; j += Panel) {
    for (size_t begin = 0; begin < m; begin += kActs) {
      const size_t end = m - begin < kActs ? m : begin + kActs;
      for (size_t p = 0; p < a.k; p += Span) {
        DecodeHalves<Element, Panel, Span>(a, j, p, panel);
        for (size_t i = begin; i < end; i += kHalfActs) {
          for (size_t unit = 0; unit < 2 * Panel / kHalfRows; ++unit) {
            const size_t half = unit % 2, r = unit / 2 * kHalfRows;
            Floats8* out[kHalfActs];
            ForEach<kHalfActs>([&](auto s)
                                   TAEL_INLINE_LAMBDA { out[s] = &lanes[i - begin + s][r][half]; });
            HalfTile(a.x + i * a.ldx + p + 8 * half, a.ldx, Span,
                     panel + unit * kHalfRows * Span / 2, p == 0, out);
          }
        }
      }
      for (size_t s = begin; s < end; ++s) {
        for (size_t r = 0; r < Panel; ++r) {
          a.y[s * a.ldy + j + r] = ReduceAdd({lanes[s - begin][r][0], lanes[s - begin][r][1]});
        }
      }
    }
  }
}

// PanelStrip() with two chains per output: even and odd pieces of K are added up apart.
template <class F, size_t Panels>
inline void FreePanelStrip(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  Panel<F> panels[Panels];
  RowChains<F> chains[2];
  for (RowChains<F>& half : chains) half.Clear(Panels, count, ZeroFloats());
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
    for (size_t i = 0; i < count; i += kPassActs) {  // count is even here
      PanelPass<F, Panels, kPassActs>(a, panels, first, some, begin, i, &chains[first / kSome % 2]);
    }
  }
  for (size_t p = 0; p < Panels; ++p) {
    for (size_t i = 0; i < count; ++i) {
      Floats8 sum = AddFloats(chains[0].acc[p][i], chains[1].acc[p][i]);
      if constexpr (F::kMinimum) {
        sum = AddFloats(sum, AddFloats(chains[0].accm[p][i], chains[1].accm[p][i]));
      }
      const size_t row = j + p * kRowTile;
      StoreFloats(sum, a.y + (begin + i) * a.ldy + row, a.n - row);
    }
  }
}

// The matrix product of a block format. REQUIRES: n a multiple of 16, an even number of rows.
template <class F>
void FreeIntegerMatrix(const IntegerProduct& a) {
  F f;
  for (size_t begin = 0; begin < a.x.rows; begin += kIntegerActs) {
    const size_t left = a.x.rows - begin, count = left < kIntegerActs ? left : kIntegerActs;
    for (size_t j = 0; j < a.n; j += kPassPanels * kRowTile) {
      FreePanelStrip<F, kPassPanels>(a, f, begin, count, j);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
