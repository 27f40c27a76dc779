// Register tiles of attention over rows of keys and values: lane dot products of several queries
// with several keys, and weighted sums of values for several queries. Each element that is loaded
// serves all queries of the tile; the order of every single sum is that of docs/numerics.md, 6.
// Needs of the instruction set: kAttentionTileRows, the most queries of a tile; and for [1], [2],
// ... queries kScoreKeys and kScorePass, the keys of a tile and of one pass over the elements (what
// the registers can hold), kValueGroups, the groups of 16 dimensions of a sum, and kStoredRows, up
// to how many queries rows of the cache are best converted where they are used.
namespace tael::TAEL_ISA {
namespace {

// Rows of floats, `stride` floats apart.
struct FloatRows {
  const float* data;
  size_t stride;
  size_t first;       // which of a block the first one is
  size_t column = 0;  // which element of a row is the first one here

  const float* Row(size_t i) const { return data + (i - first) * stride; }
  // The same rows, `i` of the block being number 0.
  FloatRows From(size_t i) const { return {Row(i), stride, 0, column}; }
  const float* At(size_t i, size_t d) const { return data + i * stride + (d - column); }
  F32x16 Group(size_t i, size_t d) const { return Load(At(i, d)); }
  F32x16 GroupOnce(size_t i, size_t d) const { return LoadOnce(At(i, d)); }
  F32x16 Rest(size_t i, size_t d, size_t count) const { return LoadPartial(At(i, d), count); }
  void FetchAhead() const {}
};

// Rows of a block of the cache as they are stored, for a single tile of queries: converted where
// they are used. `next` is the block that is read afterwards.
template <class Element>
struct StoredRows {
  const uint8_t* data;
  size_t row_bytes;
  const uint8_t* next;

  StoredRows From(size_t i) const {
    return {data + i * row_bytes, row_bytes, next + i * row_bytes};
  }
  // d is a multiple of 16.
  F32x16 Group(size_t i, size_t d) const {
    constexpr size_t kStep = kGroups<Element> * kLanes;
    return LoadGroup<Element>(data + i * row_bytes + BytesOf<Element>(d / kStep * kStep),
                              d % kStep / kLanes);
  }
  F32x16 GroupOnce(size_t i, size_t d) const { return Group(i, d); }
  F32x16 Rest(size_t i, size_t d, size_t count) const {
    return LoadRest<Element>(data + i * row_bytes + BytesOf<Element>(d), count);
  }
  // The same row of the next block: while it computes, the processor does not ask for it by itself.
  void FetchAhead() const {
    for (size_t at = 0; at < row_bytes; at += 64) __builtin_prefetch(next + at);
  }
};

// sums[r * kScoreKeys[Rows] + First + i] = lanes of the dot product of query r and key
// at + First + i.
template <size_t First, size_t Count, size_t Rows, class Keys>
[[gnu::always_inline]] inline void LaneProducts(const float* const (&queries)[Rows],
                                                size_t head_dim, const Keys& keys, size_t at,
                                                F32x16* sums) {
  const Keys from = keys.From(at + First);
  F32x16 acc[Rows][Count];
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA { acc[r][i] = Zero(); });
  });
  size_t d = 0, fetched = 0;
  for (; d + kLanes <= head_dim; d += kLanes) {
    F32x16 q[Rows];
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA { q[r] = Load(queries[r] + d); });
    // One row at a time: more at once would fill the list of lines that the core waits for.
    if (fetched < Count) from.From(fetched++).FetchAhead();
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA {
      const F32x16 k = from.GroupOnce(i, d);
      ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA { acc[r][i] = Fma(q[r], k, acc[r][i]); });
    });
  }
  for (; fetched < Count; ++fetched) from.From(fetched).FetchAhead();
  if (const size_t rest = head_dim - d; rest != 0) {
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA {
      const F32x16 k = from.Rest(i, d, rest);
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
template <size_t Rows, class Keys>
inline void ScoreTile(const float* const (&queries)[Rows], size_t head_dim, const Keys& keys,
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
template <size_t Groups, size_t Rows, class Values>
inline void AddValues(const float* const (&weights)[Rows], const Span& span, const Values& values,
                      size_t d, const float (&factors)[Rows], float* const (&out)[Rows]) {
  F32x16 acc[Rows][Groups];
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Groups>([&](auto g) TAEL_INLINE_LAMBDA {
      acc[r][g] = Mul(Load(out[r] + d + g * kLanes), Splat(factors[r]));
    });
  });
  Values from = values.From(span.begin);
  for (size_t j = span.begin; j < span.end; ++j, from = from.From(1)) {
    F32x16 value[Groups];
    if (d == 0) from.FetchAhead();
    ForEach<Groups>([&](auto g) TAEL_INLINE_LAMBDA { value[g] = from.Group(0, d + g * kLanes); });
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
    acc = Fma(Splat(weights[j]), values.From(j).Rest(0, d, rest), acc);
  }
  StorePartial(acc, out + d, rest);
}

}  // namespace
}  // namespace tael::TAEL_ISA
