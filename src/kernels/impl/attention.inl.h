// Streaming softmax attention over fixed blocks of 64 positions (numerics.md, 6); the running
// maximum and sum are those of Milakov & Gimelshein 2018, arXiv:1805.02867.
namespace tael::TAEL_ISA {
namespace {

// Lane dot products of the query with `Count` keys, `stride` bytes apart.
template <class Element, size_t Count>
inline void Scores(const float* query, size_t head_dim, const uint8_t* keys, size_t stride,
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
inline void AddValues(const float* p, size_t begin, size_t end, const uint8_t* values,
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
inline void AddValuesTail(const float* p, size_t begin, size_t end, const uint8_t* values,
                          size_t stride, float c, float* o, size_t rest) {
  F32x16 acc = Mul(LoadPartial(o, rest), Splat(c));
  for (size_t j = begin; j < end; ++j) {
    acc = Fma(Splat(p[j]), LoadRest<Element>(values + j * stride, rest), acc);
  }
  StorePartial(acc, o, rest);
}

template <class Element>
inline void AddBlockValues(const float* p, size_t begin, size_t end, const uint8_t* values, float c,
                           size_t head_dim, float* o) {
  constexpr size_t kStep = kGroups<Element> * kLanes;
  const size_t stride = BytesOf<Element>(head_dim);
  size_t d = 0;
  for (; d + 4 * kLanes <= head_dim; d += 4 * kLanes) {
    AddValues<Element, 4>(p, begin, end, values + BytesOf<Element>(d), stride, c, o + d);
  }
  for (; d + kStep <= head_dim; d += kStep) {
    AddValues<Element, kGroups<Element>>(p, begin, end, values + BytesOf<Element>(d), stride, c,
                                         o + d);
  }
  if (d < head_dim) {
    AddValuesTail<Element>(p, begin, end, values + BytesOf<Element>(d), stride, c, o + d,
                           head_dim - d);
  }
}

// Scales the visible scores and returns the maximum of them and `m`. It propagates NaN; where zeros
// of both signs are largest, either is returned, which no later result shows.
inline float ScaleScores(float* s, size_t begin, size_t end, float scale, float m) {
  F32x16 largest = Splat(m);
  for (size_t j = begin / kLanes * kLanes; j < end; j += kLanes) {
    if (j >= begin && j + kLanes <= end) {
      const F32x16 scaled = Mul(Load(s + j), Splat(scale));
      Store(scaled, s + j);
      largest = Max(largest, scaled);
      continue;
    }
    for (size_t i = j < begin ? begin : j; i < j + kLanes && i < end; ++i) {
      s[i] *= scale;
      m = MaxScalar(m, s[i]);
    }
  }
  return MaxScalar(m, ReduceMax(largest));
}

// Turns scores into weights relative to `maximum`; hidden positions get 0. Returns their lane sum.
inline float Weights(float* s, size_t begin, size_t end, float maximum) {
  F32x16 sum = Zero();
  for (size_t j = 0; j < kKvBlockSize; j += kLanes) {
    if (j + kLanes > begin && j < end) Store(Exp(Sub(Load(s + j), Splat(maximum))), s + j);
    if (j < begin || j + kLanes > end) {
      for (size_t i = j; i < j + kLanes; ++i) {
        if (i < begin || i >= end) s[i] = 0.0f;
      }
    }
    sum = Add(sum, Load(s + j));
  }
  return ReduceAdd(sum);
}

template <class Element>
inline void Attend(const AttentionArgs& a) {
  // A sink is the first position of all, with a value of zeros: exp(sink - m) is then 1.
  float m = a.sink, l = a.sink == -std::numeric_limits<float>::infinity() ? 0.0f : 1.0f;
  std::memset(a.out, 0, a.head_dim * sizeof(float));
  const size_t stride = BytesOf<Element>(a.head_dim);
  for (size_t block = a.begin / kKvBlockSize; block * kKvBlockSize < a.end; ++block) {
    const size_t first = block * kKvBlockSize;
    const size_t begin = a.begin > first ? a.begin - first : 0;
    const size_t end = a.end - first < kKvBlockSize ? a.end - first : kKvBlockSize;
    const uint8_t* keys = static_cast<const uint8_t*>(a.k_blocks[block]);
    alignas(64) float s[kKvBlockSize] = {};
    size_t j = begin;
    for (; j + 4 <= end; j += 4) {
      Scores<Element, 4>(a.query, a.head_dim, keys + j * stride, stride, s + j);
    }
    for (; j < end; ++j) Scores<Element, 1>(a.query, a.head_dim, keys + j * stride, stride, s + j);

    const float maximum = ScaleScores(s, begin, end, a.scale, m);
    const float c = ExpScalar(m - maximum);
    l = FmaScalar(l, c, Weights(s, begin, end, maximum));
    AddBlockValues<Element>(s, begin, end, static_cast<const uint8_t*>(a.v_blocks[block]), c,
                            a.head_dim, a.out);
    m = maximum;
  }
  const float inverse = 1.0f / l;
  for (size_t d = 0; d < a.head_dim; ++d) a.out[d] *= inverse;
}

void Attention(const AttentionArgs& args) noexcept {
  switch (args.dtype) {
    case DType::kF16:
      Attend<ElementF16>(args);
      break;
    case DType::kBF16:
      Attend<ElementBF16>(args);
      break;
    case DType::kQ8_0:
      Attend<ElementQ8>(args);
      break;
    default:
      Attend<ElementF32>(args);
      break;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
