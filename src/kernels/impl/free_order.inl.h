// The kernels again with the order of their additions free: what equal bits forbid, and would be
// done without the promise. Beside them, other forms in the product's own order, so that what the
// order costs is told apart from what a form costs. Measured by isa/free_order_bench.cc, part of no
// product. Needs everything of a table file, kOuterActs (activation rows of an outer product tile),
// kBlockedActs and kBlockedRows (tile of a product that is blocked in K).
namespace tael::TAEL_ISA {
namespace {

// Every output of a matrix-vector product in `Chains` chains instead of one, `Rows` outputs at a
// time.
template <class Element, size_t Rows, size_t Chains>
void FreeFloatVector(const FloatProduct& a, size_t n) {
  for (size_t j = 0; j + Rows <= n; j += Rows) {
    const uint8_t* w = a.w + j * a.row_bytes;
    F32x16 acc[Rows][Chains];
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
      ForEach<Chains>([&](auto c) TAEL_INLINE_LAMBDA { acc[r][c] = Zero(); });
    });
    for (size_t p = 0; p + Chains * kLanes <= a.k; p += Chains * kLanes) {
      ForEach<Chains>([&](auto c) TAEL_INLINE_LAMBDA {
        const F32x16 x = Load(a.x + p + c * kLanes);
        ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
          const uint8_t* from = w + r * a.row_bytes + (p + c * kLanes) * Element::kBytes;
          acc[r][c] = Fma(LoadAs<Element>(from), x, acc[r][c]);
        });
      });
    }
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
      F32x16 sum = acc[r][0];
      ForEach<Chains - 1>([&](auto c) TAEL_INLINE_LAMBDA { sum = Add(sum, acc[r][c + 1]); });
      a.y[j + r] = ReduceAdd(sum);
    });
  }
}

// Elements of K that an outer product passes over at a time: their panel fits the first-level
// cache.
inline constexpr size_t kOuterSpan = 256;

// panel[p][r] = weight p of row r, sixteen rows side by side.
template <class Element>
inline void FillOuterPanel(const FloatProduct& a, size_t j, size_t p, size_t span, float* panel) {
  for (size_t r = 0; r < kLanes; ++r) {
    float row[kOuterSpan];
    const uint8_t* w = a.w + (j + r) * a.row_bytes + p * Element::kBytes;
    for (size_t e = 0; e < span; e += kLanes) {
      Store(LoadAs<Element>(w + e * Element::kBytes), row + e);
    }
    for (size_t e = 0; e < span; ++e) panel[e * kLanes + r] = row[e];
  }
}

template <size_t Acts>
inline void OuterTile(const FloatProduct& a, size_t i, size_t j, size_t p, size_t span,
                      const float* panel) {
  F32x16 acc[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    acc[s] = p == 0 ? Zero() : Load(a.y + (i + s) * a.ldy + j);
  });
  const float* x = a.x + i * a.ldx + p;
  for (size_t e = 0; e < span; ++e) {
    const F32x16 weights = Load(panel + e * kLanes);
    ForEach<Acts>(
        [&](auto s) TAEL_INLINE_LAMBDA { acc[s] = Fma(weights, Splat(x[s * a.ldx + e]), acc[s]); });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { Store(acc[s], a.y + (i + s) * a.ldy + j); });
}

// A matrix product as sums of outer products: lanes are outputs, so nothing is added across. One
// chain per output in another order than that of the matrix-vector product.
template <class Element>
void FreeFloatMatrix(const FloatProduct& a, size_t m, size_t n) {
  alignas(64) float panel[kOuterSpan * kLanes];
  for (size_t j = 0; j + kLanes <= n; j += kLanes) {
    for (size_t p = 0; p < a.k; p += kOuterSpan) {
      const size_t span = a.k - p < kOuterSpan ? a.k - p : kOuterSpan;
      FillOuterPanel<Element>(a, j, p, span, panel);
      size_t i = 0;
      for (; i + kOuterActs <= m; i += kOuterActs) OuterTile<kOuterActs>(a, i, j, p, span, panel);
      for (; i < m; ++i) OuterTile<1>(a, i, j, p, span, panel);
    }
  }
}

// One tile of a product in the order of the product's kernel, over a piece of K; the lanes of each
// output wait in `lanes` between pieces. panel: [rows][span].
template <size_t Rows, size_t Acts>
inline void BlockedTile(const FloatProduct& a, size_t i, size_t p, size_t span, const float* panel,
                        F32x16* const (&lanes)[Acts]) {
  F32x16 acc[Rows][Acts];
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[r][s] = p == 0 ? Zero() : lanes[s][r]; });
  });
  const float* x = a.x + i * a.ldx + p;
  for (size_t e = 0; e < span; e += kLanes) {
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
      const F32x16 weights = Load(panel + r * span + e);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        acc[r][s] = Fma(weights, Load(x + s * a.ldx + e), acc[r][s]);
      });
    });
  }
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { lanes[s][r] = acc[r][s]; });
  });
}

// All of one piece of K for `Panel` weight rows and the activation rows [i, end).
template <size_t Panel>
inline void BlockedPiece(const FloatProduct& a, size_t i, size_t end, size_t p, size_t span,
                         const float* panel, F32x16 (*lanes)[Panel]) {
  for (const size_t first = i; i < end; i += kBlockedActs) {
    for (size_t r = 0; r < Panel; r += kBlockedRows) {
      F32x16* out[kBlockedActs];
      ForEach<kBlockedActs>([&](auto s) TAEL_INLINE_LAMBDA { out[s] = &lanes[i - first + s][r]; });
      BlockedTile<kBlockedRows, kBlockedActs>(a, i, p, span, panel + r * span, out);
    }
  }
}

// Weights [p, p + Span) of `Panel` rows from j: [Panel][Span].
template <class Element, size_t Panel, size_t Span>
inline void DecodePanel(const FloatProduct& a, size_t j, size_t p, float* panel) {
  for (size_t r = 0; r < Panel; ++r) {
    const uint8_t* w = a.w + (j + r) * a.row_bytes + p * Element::kBytes;
    for (size_t e = 0; e < Span; e += kLanes) {
      Store(LoadAs<Element>(w + e * Element::kBytes), panel + r * Span + e);
    }
  }
}

// The matrix product of the product, bit by bit, with K cut into pieces: a piece of `Panel` weight
// rows stays in the first-level cache, decoded once for up to 48 activation rows. REQUIRES: n a
// multiple of Panel, m of kBlockedActs, K of Span.
template <class Element, size_t Panel, size_t Span>
void SameFloatMatrix(const FloatProduct& a, size_t m, size_t n) {
  constexpr size_t kActs = 48;
  alignas(64) float panel[Panel * Span];
  F32x16 lanes[kActs][Panel];
  for (size_t j = 0; j < n; j += Panel) {
    for (size_t i = 0; i < m; i += kActs) {
      const size_t end = m - i < kActs ? m : i + kActs;
      for (size_t p = 0; p < a.k; p += Span) {
        DecodePanel<Element, Panel, Span>(a, j, p, panel);
        BlockedPiece<Panel>(a, i, end, p, Span, panel, lanes);
      }
      for (size_t s = i; s < end; ++s) {
        for (size_t r = 0; r < Panel; ++r) a.y[s * a.ldy + j + r] = ReduceAdd(lanes[s - i][r]);
      }
    }
  }
}

inline float SumLanes(Floats8 v) {
  float lanes[8];
  StoreFloats(v, lanes, 8);
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// Matrix-vector product of a block format: the integers of a block are scaled lane by lane as
// floats and added up only at the end of the row.
template <class F>
void FreeIntegerVector(const IntegerProduct& a) {
  F f;
  for (size_t j = 0; j < a.n; j += kRowTile) {
    const uint8_t* rows[kRowTile];
    TileRows(a, j, rows);
    Floats8 acc[kRowTile], rest = ZeroFloats();
    ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA { acc[r] = ZeroFloats(); });
    const size_t blocks = a.x.k / F::kSize;
    FetchAhead ahead(rows[0], kRowTile * a.row_bytes, blocks);
    for (size_t b = 0; b < blocks; ++b) {
      f.Prepare(rows, b);
      ahead.Step();
      RowTileBlock<F, 1> t;
      FindActs(a, 0, b, &t);
      const Floats8 da = SplatFloats(a.Scale<F::kSize>(0, b * F::kSize));
      const Floats8 scales = MulFloats(f.Scales(rows, b), da);
      float scale[kRowTile], minimum[kRowTile];
      StoreFloats(scales, scale, kRowTile);
      if constexpr (F::kMinimum) {
        StoreFloats(MulFloats(f.MinimumScales(rows, b), da), minimum, kRowTile);
      }
      ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA {
        TileRow(f, rows[r] + b * sizeof(typename F::Block), r, &t);
        acc[r] = FmaFloats(ToFloats(t.part[0][r]), SplatFloats(scale[r]), acc[r]);
        if constexpr (F::kMinimum) {
          acc[r] = FmaFloats(ToFloats(t.mpart[0][r]), SplatFloats(minimum[r]), acc[r]);
        }
      });
      if constexpr (F::kSize == 32 && F::kOffset != 0) {
        rest = FmaFloats(ToFloats(SplatInts(-F::kOffset * (t.sums[0][0] + t.sums[0][1]))), scales,
                         rest);
      }
    }
    float corrections[kRowTile];
    StoreFloats(rest, corrections, kRowTile);
    for (size_t r = 0; r < kRowTile && j + r < a.n; ++r) {
      a.y[j + r] = SumLanes(acc[r]) + corrections[r];
    }
  }
}

template <size_t Chains>
void FreeRmsNorm(const float* x, const float* gain, float eps, size_t n, float* out) {
  F32x16 squares[Chains];
  ForEach<Chains>([&](auto c) TAEL_INLINE_LAMBDA { squares[c] = Zero(); });
  for (size_t i = 0; i + Chains * kLanes <= n; i += Chains * kLanes) {
    ForEach<Chains>([&](auto c) TAEL_INLINE_LAMBDA {
      const F32x16 v = Load(x + i + c * kLanes);
      squares[c] = Fma(v, v, squares[c]);
    });
  }
  ForEach<Chains - 1>([&](auto c)
                          TAEL_INLINE_LAMBDA { squares[0] = Add(squares[0], squares[c + 1]); });
  const F32x16 scale = Splat(1.0f / std::sqrt(ReduceAdd(squares[0]) / static_cast<float>(n) + eps));
  ForEachPair(x, gain, n, out,
              [&](const F32x16& v, const F32x16& g) { return Mul(g, Mul(v, scale)); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
