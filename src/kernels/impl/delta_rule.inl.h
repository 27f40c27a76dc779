// One token of the gated delta rule for one head (Yang et al. 2024, arXiv:2412.06464): the state
// forgets, then learns by how much it was wrong about v, then answers q. Order: numerics.md, 14.
namespace tael::TAEL_ISA {
namespace {

// Rows of the state are independent of each other: `kRows` of them go through together, which hides
// the latency of their sums and changes no bit.
template <int kRows>
inline void DeltaRuleRows(const DeltaRuleArgs& args, size_t first) {
  const size_t n = args.key_dim;
  float* rows[kRows];
  for (int r = 0; r < kRows; ++r) rows[r] = args.state + (first + static_cast<size_t>(r)) * n;
  const F32x16 decay = Splat(args.decay);
  F32x16 sums[kRows];
  ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA { sums[r] = Zero(); });
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const F32x16 k = Load(args.key + i);
    ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA {
      sums[r] = Fma(Mul(decay, Load(rows[r] + i)), k, sums[r]);
    });
  }
  const size_t rest = n - i;
  if (rest != 0) {
    const F32x16 k = LoadPartial(args.key + i, rest);
    ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA {
      sums[r] = Fma(Mul(decay, LoadPartial(rows[r] + i, rest)), k, sums[r]);
    });
  }
  F32x16 learned[kRows];
  ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA {
    const float wrong = args.value[first + static_cast<size_t>(r)] - ReduceAdd(sums[r]);
    learned[r] = Splat(args.beta * wrong);
    sums[r] = Zero();
  });
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const F32x16 k = Load(args.key + i), q = Load(args.query + i);
    ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA {
      const F32x16 s = Fma(k, learned[r], Mul(decay, Load(rows[r] + i)));
      Store(s, rows[r] + i);
      sums[r] = Fma(s, q, sums[r]);
    });
  }
  if (rest != 0) {
    const F32x16 k = LoadPartial(args.key + i, rest), q = LoadPartial(args.query + i, rest);
    ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA {
      const F32x16 s = Fma(k, learned[r], Mul(decay, LoadPartial(rows[r] + i, rest)));
      StorePartial(s, rows[r] + i, rest);
      sums[r] = Fma(s, q, sums[r]);
    });
  }
  ForEach<kRows>([&](auto r) TAEL_INLINE_LAMBDA {
    args.out[first + static_cast<size_t>(r)] = ReduceAdd(sums[r]);
  });
}

void DeltaRule(const DeltaRuleArgs& args) noexcept {
  size_t row = 0;
  for (; row + 4 <= args.value_dim; row += 4) DeltaRuleRows<4>(args, row);
  for (; row < args.value_dim; ++row) DeltaRuleRows<1>(args, row);
}

}  // namespace
}  // namespace tael::TAEL_ISA
