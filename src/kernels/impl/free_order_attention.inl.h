// Attention with free orders beside the product's order taken row by row (see free_order.inl.h):
// keys and values are converted where they are used instead of once for all rows of a call.
namespace tael::TAEL_ISA {
namespace {

// Lane dot products of the query with `Count` keys, `stride` bytes apart.
template <class Element, size_t Count>
inline void RowScores(const float* query, size_t head_dim, const uint8_t* keys, size_t stride,
                      float* out) {
  constexpr size_t kStep = kGroups<Element> * kLanes;
  F32x16 acc[Count];
  ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA { acc[i] = Zero(); });
  size_t d = 0;
  for (; d + kStep <= head_dim; d += kStep) {
    const uint8_t* at = keys + BytesOf<Element>(d);
    ForEach<kGroups<Element>>([&](auto g) TAEL_INLINE_LAMBDA {
      const F32x16 q = Load(query + d + g * kLanes);
      ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA {
        acc[i] = Fma(q, LoadGroup<Element>(at + i * stride, g), acc[i]);
      });
    });
  }
  if (const size_t rest = head_dim - d; rest != 0) {
    const F32x16 q = LoadPartial(query + d, rest);
    const uint8_t* at = keys + BytesOf<Element>(d);
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA {
      acc[i] = Fma(q, LoadRest<Element>(at + i * stride, rest), acc[i]);
    });
  }
  if constexpr (Count == 4) {
    ReduceAdd4(acc, out);
  } else {
    ForEach<Count>([&](auto i) TAEL_INLINE_LAMBDA { out[i] = ReduceAdd(acc[i]); });
  }
}

// o = o * c + sum of p_j * v_j over positions [begin, end), for `Count` groups of 16 dimensions.
template <class Element, size_t Count>
inline void AddRowValues(const float* p, size_t begin, size_t end, const uint8_t* values,
                         size_t stride, float c, float* o) {
  F32x16 acc[Count];
  ForEach<Count>([&](auto g) TAEL_INLINE_LAMBDA { acc[g] = Mul(Load(o + g * kLanes), Splat(c)); });
  for (size_t j = begin; j < end; ++j) {
    const F32x16 weight = Splat(p[j]);
    const uint8_t* v = values + j * stride;
    ForEach<Count>(
        [&](auto g) TAEL_INLINE_LAMBDA { acc[g] = Fma(weight, LoadGroup<Element>(v, g), acc[g]); });
  }
  ForEach<Count>([&](auto g) TAEL_INLINE_LAMBDA { Store(acc[g], o + g * kLanes); });
}

// The same for the last `rest` < 16 dimensions.
template <class Element>
inline void AddRowValuesTail(const float* p, size_t begin, size_t end, const uint8_t* values,
                             size_t stride, float c, float* o, size_t rest) {
  F32x16 acc = Mul(LoadPartial(o, rest), Splat(c));
  for (size_t j = begin; j < end; ++j) {
    acc = Fma(Splat(p[j]), LoadRest<Element>(values + j * stride, rest), acc);
  }
  StorePartial(acc, o, rest);
}

// Rows of values, `stride` bytes apart and `width` elements wide.
struct ValueRows {
  const uint8_t* data;
  size_t stride, width;
};

template <class Element>
inline void AddRowBlock(const float* p, size_t begin, size_t end, const ValueRows& values, float c,
                        float* o) {
  constexpr size_t kStep = kGroups<Element> * kLanes;
  const auto [data, stride, width] = values;
  size_t d = 0;
  for (; d + 4 * kLanes <= width; d += 4 * kLanes) {
    AddRowValues<Element, 4>(p, begin, end, data + BytesOf<Element>(d), stride, c, o + d);
  }
  for (; d + kStep <= width; d += kStep) {
    AddRowValues<Element, kGroups<Element>>(p, begin, end, data + BytesOf<Element>(d), stride, c,
                                            o + d);
  }
  if (d < width) {
    AddRowValuesTail<Element>(p, begin, end, data + BytesOf<Element>(d), stride, c, o + d,
                              width - d);
  }
}

// As RowScores() and AddRowValues(), with two chains for each sum.
template <class Element>
inline float FreeScore(const float* query, size_t head_dim, const uint8_t* key) {
  F32x16 acc[4] = {Zero(), Zero(), Zero(), Zero()};
  for (size_t d = 0; d < head_dim; d += 4 * kLanes) {
    ForEach<4>([&](auto c) TAEL_INLINE_LAMBDA {
      const size_t at = d + c * kLanes;
      acc[c] = Fma(Load(query + at), LoadAs<Element>(key + at * Element::kBytes), acc[c]);
    });
  }
  return ReduceAdd(Add(Add(acc[0], acc[1]), Add(acc[2], acc[3])));
}

template <class Element>
inline void FreeScorePairs(const float* query, size_t head_dim, const uint8_t* keys, float* out) {
  F32x16 acc[2][2] = {{Zero(), Zero()}, {Zero(), Zero()}};
  const size_t stride = head_dim * Element::kBytes;
  for (size_t d = 0; d < head_dim; d += 2 * kLanes) {
    ForEach<2>([&](auto c) TAEL_INLINE_LAMBDA {
      const size_t at = d + c * kLanes;
      const F32x16 q = Load(query + at);
      ForEach<2>([&](auto i) TAEL_INLINE_LAMBDA {
        acc[i][c] = Fma(q, LoadAs<Element>(keys + i * stride + at * Element::kBytes), acc[i][c]);
      });
    });
  }
  ForEach<2>([&](auto i) TAEL_INLINE_LAMBDA { out[i] = ReduceAdd(Add(acc[i][0], acc[i][1])); });
}

template <class Element>
inline void FreeValues(const float* p, size_t end, const uint8_t* values, size_t stride, float c,
                       float* o) {
  F32x16 acc[2][2];
  ForEach<2>([&](auto g) TAEL_INLINE_LAMBDA {
    acc[0][g] = Mul(Load(o + g * kLanes), Splat(c));
    acc[1][g] = Zero();
  });
  for (size_t j = 0; j + 2 <= end; j += 2) {
    ForEach<2>([&](auto chain) TAEL_INLINE_LAMBDA {
      const F32x16 weight = Splat(p[j + chain]);
      ForEach<2>([&](auto g) TAEL_INLINE_LAMBDA {
        const uint8_t* v = values + (j + chain) * stride + g * kLanes * Element::kBytes;
        acc[chain][g] = Fma(weight, LoadAs<Element>(v), acc[chain][g]);
      });
    });
  }
  ForEach<2>([&](auto g) TAEL_INLINE_LAMBDA { Store(Add(acc[0][g], acc[1][g]), o + g * kLanes); });
}

enum class FreeScoring {
  kProduct,     // the product's order: each row reads keys and values by itself
  kFourChains,  // a key at a time, in four chains
  kPairs,       // two keys at a time, in two chains each
};

// Attention of one row over whole blocks (end a multiple of 64, head_dim of 64).
template <class Element, FreeScoring Scoring, bool FreeOutput>
void FreeAttention(const AttentionArgs& a) {
  float m = -std::numeric_limits<float>::infinity(), l = 0.0f;
  std::memset(a.out, 0, a.head_dim * sizeof(float));
  const size_t stride = a.head_dim * Element::kBytes;
  for (size_t block = 0; block * kKvBlockSize < a.end; ++block) {
    const uint8_t* keys = static_cast<const uint8_t*>(a.k_blocks[block]);
    const uint8_t* values = static_cast<const uint8_t*>(a.v_blocks[block]);
    alignas(64) float s[kKvBlockSize];
    for (size_t j = 0; j < kKvBlockSize; j += Scoring == FreeScoring::kProduct ? 4 : 2) {
      if constexpr (Scoring == FreeScoring::kProduct) {
        RowScores<Element, 4>(a.query, a.head_dim, keys + j * stride, stride, s + j);
      } else if constexpr (Scoring == FreeScoring::kPairs) {
        FreeScorePairs<Element>(a.query, a.head_dim, keys + j * stride, s + j);
      } else {
        s[j] = FreeScore<Element>(a.query, a.head_dim, keys + j * stride);
        s[j + 1] = FreeScore<Element>(a.query, a.head_dim, keys + (j + 1) * stride);
      }
    }
    F32x16 largest = Mul(Load(s), Splat(a.scale));
    for (size_t j = 0; j < kKvBlockSize; j += kLanes) {
      const F32x16 scaled = Mul(Load(s + j), Splat(a.scale));
      Store(scaled, s + j);
      largest = Max(largest, scaled);
    }
    const float maximum = MaxScalar(m, ReduceMax(largest)), c = ExpScalar(m - maximum);
    F32x16 sum = Zero();
    for (size_t j = 0; j < kKvBlockSize; j += kLanes) {
      const F32x16 weights = Exp(Sub(Load(s + j), Splat(maximum)));
      Store(weights, s + j);
      sum = Add(sum, weights);
    }
    l = FmaScalar(l, c, ReduceAdd(sum));
    if constexpr (FreeOutput) {
      for (size_t d = 0; d < a.head_dim; d += 2 * kLanes) {
        FreeValues<Element>(s, kKvBlockSize, values + d * Element::kBytes, stride, c, a.out + d);
      }
    } else {
      AddRowBlock<Element>(s, 0, kKvBlockSize, {values, stride, a.value_dim}, c, a.out);
    }
    m = maximum;
  }
  const float inverse = 1.0f / l;
  for (size_t d = 0; d < a.head_dim; ++d) a.out[d] *= inverse;
}

}  // namespace
}  // namespace tael::TAEL_ISA
