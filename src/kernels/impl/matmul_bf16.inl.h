// The BF16 product (numerics.md, 17) where the processor has float32 only: pairs are split into
// floats, and a fused step adds one of them. The chains of a block come one after the other.
namespace tael::TAEL_ISA {
namespace {

struct SplitForm {
  static constexpr size_t kActs = 4;

  template <size_t Acts>
  [[gnu::always_inline]] static void AddChain(const uint32_t (*pairs)[kPairRows], const uint16_t* x,
                                              size_t ldx, F32x16 (&chains)[Acts]) {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { chains[s] = Zero(); });
    for (size_t p = 0; p < kBlockPairs / 2; ++p) {
      const Pairs16 both = LoadPairs(pairs[p]);
      const F32x16 second = SecondOfPairs(both), first = FirstOfPairs(both);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        const Pairs16 act = SplatPair(x + s * ldx + 2 * p);
        chains[s] = FlushedFma(second, SecondOfPairs(act), chains[s]);
        chains[s] = FlushedFma(first, FirstOfPairs(act), chains[s]);
      });
    }
  }

  template <size_t Strips, size_t Acts>
  [[gnu::noinline]] static void Tile(const PairPanel<Strips>& panel, const PairPass& pass) {
    static_assert(Strips == 1);
    F32x16 sums[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { sums[s] = SumsSoFar(pass, s, 0); });
    for (size_t e = 0; e < pass.elements; e += kBf16Block) {
      F32x16 first[Acts], second[Acts];
      AddChain<Acts>(&panel.pairs[e / 2], pass.x + e, pass.ldx, first);
      AddChain<Acts>(&panel.pairs[(e + kBlockPairs) / 2], pass.x + e + kBlockPairs, pass.ldx,
                     second);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        sums[s] = FlushedAdd(sums[s], FlushedAdd(first[s], second[s]));
      });
    }
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { KeepSums(sums[s], pass, s, 0); });
  }
};

[[gnu::noinline]] inline void MultiplySplit(const Bf16Product& a) {
  if (a.k == 0) return ClearOutputs(a);
  PairPanel<1> panel;
  for (size_t row = 0; row < a.n; row += kPairRows) MultiplyPanel<SplitForm, 1>(a, row, &panel);
}

void MatmulBf16(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                size_t ldy) noexcept {
  const FlushDenormals scope;
  MultiplySplit(Bf16ProductOf(x, w, row_bytes, n, y, ldy));
}

}  // namespace
}  // namespace tael::TAEL_ISA
