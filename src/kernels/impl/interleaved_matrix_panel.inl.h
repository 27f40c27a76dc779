// The panel of interleaved_dot_panel.inl.h for SMMLA (i8mm), which multiplies eight bytes of two
// weight rows by eight of two activation rows: four sums, twice the products of SDOT.
namespace tael::TAEL_ISA {
namespace {

// 256 elements of eight weight rows, in pairs of rows.
template <class F>
struct PairPanel {
  static constexpr size_t kBlocks = kPanelSpan / F::kSize;
  static constexpr size_t kRuns = F::kSize == 256 ? kRunCount<F> : 1;
  int8x16_t w[kPanelSpan / 8][4];  // elements 8h .. 8h + 7 of rows 0 and 1, 2 and 3, ...
  Ints8 subscale[kRuns];
  int16x8_t minimum[kRuns];
  Floats8 d[kBlocks], dm[kBlocks];
};

// Lanes 0, 0, 1, 1 and 2, 2, 3, 3; as well: of two groups of four bytes of four rows, eight bytes
// of two rows each.
inline int32x4_t LowerPairs(int32x4_t a, int32x4_t b) { return vzip1q_s32(a, b); }
inline int32x4_t UpperPairs(int32x4_t a, int32x4_t b) { return vzip2q_s32(a, b); }

// Blocks [first, first + count) of the strip of rows j .. j + 7.
template <class F>
[[gnu::noinline]] void FillPairPanel(const StripProduct<F>& product, size_t j, size_t first,
                                     size_t count, PairPanel<typename F::Rows>* panel) {
  for (size_t b = 0; b < count; ++b) {
    const StripBlock block = product.Block(j, first + b);
    FetchStrip<F>(block);
    for (size_t piece = 0; piece < F::kPieces; ++piece) {
      int8x16_t(*out)[4] = panel->w + b * F::kSize / 8 + piece * F::kPieceQuads / 2;
      ForEach<F::kPieceQuads / 2>([&](auto h) TAEL_INLINE_LAMBDA {
        const Quad8 even = F::template Quad<2 * h>(block, piece);
        const Quad8 odd = F::template Quad<2 * h + 1>(block, piece);
        const auto put = [&](size_t p, uint8x16_t first4, uint8x16_t next4) {
          const int32x4_t x = vreinterpretq_s32_u8(first4), y = vreinterpretq_s32_u8(next4);
          out[h][p] = vreinterpretq_s8_s32(LowerPairs(x, y));
          out[h][p + 1] = vreinterpretq_s8_s32(UpperPairs(x, y));
        };
        put(0, even.lo, odd.lo);
        put(2, even.hi, odd.hi);
      });
    }
    F::Runs(block, {panel->subscale, panel->minimum});
    const StripScales scales = F::Scales(block);
    panel->d[b] = scales.d;
    panel->dm[b] = scales.dm;
  }
}

// Eight elements of activation rows s and t each, the lower and the upper ones of sixteen.
inline int8x16_t LowerEights(int8x16_t s, int8x16_t t) {
  return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(s), vreinterpretq_s64_s8(t)));
}
inline int8x16_t UpperEights(int8x16_t s, int8x16_t t) {
  return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(s), vreinterpretq_s64_s8(t)));
}

// As PanelDots() of neon_tiles.h. Sums are [pair of activation rows][pair of weight rows], in each
// (weight row 0, activation rows 0 and 1), (weight row 1, ...). A last row is taken twice.
template <class F, size_t Acts>
inline void PanelDots(const IntegerProduct& a, const PairPanel<F>& panel, size_t b, size_t i,
                      size_t at, Ints8 (&isum)[Acts]) {
  constexpr size_t kActPairs = (Acts + 1) / 2;
  int32x4_t sum[kActPairs][4];
  ForEach<4 * kActPairs>([&](auto n) TAEL_INLINE_LAMBDA { sum[n / 4][n % 4] = ZeroInts4(); });
  for (size_t run = 0; run < kRunCount<F>; ++run) {
    int32x4_t dot[kActPairs][4];
    ForEach<4 * kActPairs>([&](auto n) TAEL_INLINE_LAMBDA { dot[n / 4][n % 4] = ZeroInts4(); });
    ForEach<kRunVectors<F>>([&](auto v) TAEL_INLINE_LAMBDA {
      const size_t element = run * F::kRun + 16 * v;
      const int8x16_t(*w)[4] = panel.w + (b * F::kSize + element) / 8;
      ForEach<kActPairs>([&](auto s) TAEL_INLINE_LAMBDA {
        constexpr size_t kSecond = 2 * s + 1 < Acts ? 2 * s + 1 : 2 * s;
        const int8x16_t q0 = vld1q_s8(a.Q(i + 2 * s, at + element));
        const int8x16_t q1 = vld1q_s8(a.Q(i + kSecond, at + element));
        ForEach<4>([&](auto p) TAEL_INLINE_LAMBDA {
          dot[s][p] = vmmlaq_s32(dot[s][p], w[0][p], LowerEights(q0, q1));
          dot[s][p] = vmmlaq_s32(dot[s][p], w[1][p], UpperEights(q0, q1));
        });
      });
    });
    if constexpr (F::kSize == 32) {
      ForEach<4 * kActPairs>([&](auto n)
                                 TAEL_INLINE_LAMBDA { sum[n / 4][n % 4] = dot[n / 4][n % 4]; });
    } else {
      const Ints8& scale = panel.subscale[run];
      const int32x4_t scales[4] = {LowerPairs(scale.lo, scale.lo), UpperPairs(scale.lo, scale.lo),
                                   LowerPairs(scale.hi, scale.hi), UpperPairs(scale.hi, scale.hi)};
      ForEach<4 * kActPairs>([&](auto n) TAEL_INLINE_LAMBDA {
        sum[n / 4][n % 4] = vmlaq_s32(sum[n / 4][n % 4], dot[n / 4][n % 4], scales[n % 4]);
      });
    }
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    const int32x4_t(&v)[4] = sum[s / 2];
    if constexpr (s % 2 == 0) {
      isum[s] = {vuzp1q_s32(v[0], v[1]), vuzp1q_s32(v[2], v[3])};
    } else {
      isum[s] = {vuzp2q_s32(v[0], v[1]), vuzp2q_s32(v[2], v[3])};
    }
  });
}

// `Strips`, which is 1: the strip of rows j .. j + 7 with activation rows [begin, begin + count),
// count <= kIntegerActs.
template <class F, size_t Strips>
inline void StripPanels(const StripProduct<F>& product, size_t begin, size_t count, size_t j) {
  static_assert(Strips == 1);
  PassPanels<typename F::Rows, PairPanel<typename F::Rows>>(
      product.a, begin, count, j, product.blocks(),
      [&](size_t first, size_t some, PairPanel<typename F::Rows>* panel)
          TAEL_INLINE_LAMBDA { FillPairPanel(product, j, first, some, panel); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
