// Register tiles of attention over rows of float32: lane dot products of several queries with
// several keys, and weighted sums of values for several queries. Each element that is loaded serves
// all queries of the tile; the order of every single sum is that of docs/numerics.md, 6. Needs of
// the instruction set: kAttentionTileRows, the most queries of a tile; and for [1], [2], ...
// queries kScoreKeys and kScorePass, the keys of a tile and of one pass over the elements (what the
// registers can hold), and kValueGroups, the groups of 16 dimensions of a sum.
namespace tael::TAEL_ISA {
namespace {

// Rows of floats, `stride` floats apart.
struct FloatRows {
  const float* data;
  size_t stride;
  size_t first;  // which of a block the first one is

  const float* Row(size_t i) const { return data + (i - first) * stride; }
};

// sums[r * kScoreKeys[Rows] + First + i] = lanes of the dot product of query r and key
// at + First + i.
template <size_t First, size_t Count, size_t Rows>
[[gnu::always_inline]] inline void LaneProducts(const float* const (&queries)[Rows],
                                                size_t head_dim, const FloatRows& keys, size_t at,
                                                F32x16* sums) {
  const float* from = keys.Row(at + First);
  F32x16 acc[Rows][Count];
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA { acc[r][i] = Zero(); });
  });
  size_t d = 0;
  for (; d + kLanes <= head_dim; d += kLanes) {
    F32x16 q[Rows];
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA { q[r] = Load(queries[r] + d); });
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA {
      const F32x16 k = LoadOnce(from + i * keys.stride + d);
      ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA { acc[r][i] = Fma(q[r], k, acc[r][i]); });
    });
  }
  if (const size_t rest = head_dim - d; rest != 0) {
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA {
      const F32x16 k = LoadPartial(from + i * keys.stride + d, rest);
      ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
        acc[r][i] = Fma(LoadPartial(queries[r] + d, rest), k, acc[r][i]);
      });
    });
  }
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Count>([&](auto i)
                       TAEL_INLINE_LAMBDA { sums[r * kScoreKeys[Rows] + First + i] = acc[r][i]; });
  });
}

// out[r][at + i] = lane dot product of query r and key at + i, i < kScoreKeys[Rows].
template <size_t Rows>
inline void ScoreTile(const float* const (&queries)[Rows], size_t head_dim, const FloatRows& keys,
                      size_t at, float* const (&out)[Rows]) {
  constexpr size_t kKeys = kScoreKeys[Rows], kPass = kScorePass[Rows];
  F32x16 sums[Rows * kKeys];
  ForEach<kKeys / kPass>([&](auto pass) TAEL_INLINE_LAMBDA {
    LaneProducts<pass * kPass, kPass>(queries, head_dim, keys, at, sums);
  });
  ReduceTile<Rows>(sums, at, out);
}

// The positions [begin, end) of the rows of a tile.
struct Span {
  size_t begin, end;
};

// out[r] = out[r] * factors[r] + sum of weights[r][j] * value j over the span, for `Groups` groups
// of 16 dimensions from d on.
template <size_t Groups, size_t Rows>
inline void AddValues(const float* const (&weights)[Rows], const Span& span,
                      const FloatRows& values, size_t d, const float (&factors)[Rows],
                      float* const (&out)[Rows]) {
  F32x16 acc[Rows][Groups];
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Groups>([&](auto g) TAEL_INLINE_LAMBDA {
      acc[r][g] = Mul(Load(out[r] + d + g * kLanes), Splat(factors[r]));
    });
  });
  const float* v = values.Row(span.begin) + d;
  for (size_t j = span.begin; j < span.end; ++j, v += values.stride) {
    F32x16 value[Groups];
    ForEach<Groups>([&](auto g) TAEL_INLINE_LAMBDA { value[g] = Load(v + g * kLanes); });
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
      const F32x16 weight = Splat(weights[r][j]);
      ForEach<Groups>([&](auto g)
                          TAEL_INLINE_LAMBDA { acc[r][g] = Fma(weight, value[g], acc[r][g]); });
    });
  }
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Groups>([&](auto g) TAEL_INLINE_LAMBDA { Store(acc[r][g], out[r] + d + g * kLanes); });
  });
}

// The same for one row and the last `rest` < 16 dimensions.
inline void AddValuesRest(const float* weights, const Span& span, const FloatRows& values, size_t d,
                          size_t rest, float factor, float* out) {
  F32x16 acc = Mul(LoadPartial(out + d, rest), Splat(factor));
  for (size_t j = span.begin; j < span.end; ++j) {
    acc = Fma(Splat(weights[j]), LoadPartial(values.Row(j) + d, rest), acc);
  }
  StorePartial(acc, out + d, rest);
}

}  // namespace
}  // namespace tael::TAEL_ISA
