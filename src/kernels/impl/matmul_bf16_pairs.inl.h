// The BF16 product (numerics.md, 17) where the processor multiplies pairs: both chains of a block
// side by side, for as many outputs as registers hold.
namespace tael::TAEL_ISA {
namespace {

struct PairForm {
  static constexpr size_t kActs = 4;

  template <size_t Strips, size_t Acts>
  [[gnu::noinline]] static void Tile(const PairPanel<Strips>& panel, const PairPass& pass) {
    F32x16 sums[Acts][Strips];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      ForEach<Strips>([&](auto v) TAEL_INLINE_LAMBDA { sums[s][v] = SumsSoFar(pass, s, v); });
    });
    constexpr size_t kHalf = kBlockPairs / 2;
    for (size_t e = 0; e < pass.elements; e += kBf16Block) {
      F32x16 first[Acts][Strips], second[Acts][Strips];
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        ForEach<Strips>([&](auto v) TAEL_INLINE_LAMBDA { first[s][v] = second[s][v] = Zero(); });
      });
      const uint32_t(*pairs)[kPairRows] = &panel.pairs[e / 2 * Strips];
      for (size_t p = 0; p < kHalf; ++p) {
        const auto step = [&](auto& chains, size_t pair) TAEL_INLINE_LAMBDA {
          Pairs16 weights[Strips];
          ForEach<Strips>(
              [&](auto v) TAEL_INLINE_LAMBDA { weights[v] = LoadPairs(pairs[pair * Strips + v]); });
          ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
            const Pairs16 x = SplatPair(pass.x + s * pass.ldx + e + 2 * pair);
            ForEach<Strips>([&](auto v) TAEL_INLINE_LAMBDA {
              chains[s][v] = AddPairProducts(chains[s][v], weights[v], x);
            });
          });
        };
        step(first, p);
        step(second, kHalf + p);
      }
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        ForEach<Strips>([&](auto v) TAEL_INLINE_LAMBDA {
          sums[s][v] = FlushedAdd(sums[s][v], FlushedAdd(first[s][v], second[s][v]));
        });
      });
    }
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      ForEach<Strips>([&](auto v) TAEL_INLINE_LAMBDA { KeepSums(sums[s][v], pass, s, v); });
    });
  }
};

// The rest of a product that fills no panel of three strips takes one of fewer.
[[gnu::noinline]] inline void MultiplyPairs(const Bf16Product& a) {
  if (a.k == 0) return ClearOutputs(a);
  // Few rows are multiplied faster than memory delivers weights: what is fetched ahead should find
  // room in the first-level cache.
  if (a.m <= PairForm::kActs) {
    PairPanel<1> one;
    for (size_t row = 0; row < a.n; row += kPairRows) MultiplyPanel<PairForm, 1>(a, row, &one);
    return;
  }
  PairPanel<3> panel;
  size_t row = 0;
  for (; row + 2 * kPairRows < a.n; row += 3 * kPairRows) {
    MultiplyPanel<PairForm, 3>(a, row, &panel);
  }
  if (row + kPairRows < a.n) {
    PairPanel<2> two;
    MultiplyPanel<PairForm, 2>(a, row, &two);
  } else if (row < a.n) {
    PairPanel<1> one;
    MultiplyPanel<PairForm, 1>(a, row, &one);
  }
}

void MatmulBf16InPairs(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                       size_t ldy) noexcept {
  const FlushDenormals scope;
  MultiplyPairs(Bf16ProductOf(x, w, row_bytes, n, y, ldy));
}

}  // namespace
}  // namespace tael::TAEL_ISA
