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

// The integer matrix product over pair panels with two chains per output: even and odd blocks are
// added up apart.
template <class F>
inline void FreePanelTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Panel<F> panel;
  Floats8 acc[2][kIntegerActs], accm[2][kIntegerActs];
  for (size_t i = 0; i < count; ++i) acc[0][i] = acc[1][i] = accm[0][i] = accm[1][i] = ZeroFloats();
  const size_t blocks = a.x.k / F::kSize;
  for (size_t first = 0; first < blocks; first += Panel<F>::kBlocks) {
    const size_t left = blocks - first;
    const size_t some = left < Panel<F>::kBlocks ? left : Panel<F>::kBlocks;
    FillPanel(f, rows, first, some, &panel);
    for (size_t i = 0; i < count; ++i) {
      if (some == 1) {
        const size_t chain = first % 2;
        PanelBlock(a, panel, 0, begin + i, first * F::kSize, &acc[chain][i], &accm[chain][i]);
        continue;
      }
      Floats8 even = acc[0][i], odd = acc[1][i], evenm = accm[0][i], oddm = accm[1][i];
      for (size_t b = 0; b + 2 <= some; b += 2) {
        PanelBlock(a, panel, b, begin + i, (first + b) * F::kSize, &even, &evenm);
        PanelBlock(a, panel, b + 1, begin + i, (first + b + 1) * F::kSize, &odd, &oddm);
      }
      acc[0][i] = even, acc[1][i] = odd, accm[0][i] = evenm, accm[1][i] = oddm;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    Floats8 sum = AddFloats(acc[0][i], acc[1][i]);
    if constexpr (F::kMinimum) sum = AddFloats(sum, AddFloats(accm[0][i], accm[1][i]));
    StoreFloats(sum, a.y + (begin + i) * a.ldy + j, a.n - j);
  }
}

template <class F>
void FreeIntegerMatrix(const IntegerProduct& a) {
  F f;
  for (size_t begin = 0; begin < a.x.rows; begin += kIntegerActs) {
    const size_t left = a.x.rows - begin, count = left < kIntegerActs ? left : kIntegerActs;
    for (size_t j = 0; j < a.n; j += kPanelRows) FreePanelTile(a, f, begin, count, j);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
