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

// Rows of values, `stride` bytes apart and `width` elements wide.
struct ValueRows {
  const uint8_t* data;
  size_t stride, width;
};

template <class Element>
inline void AddBlockValues(const float* p, size_t begin, size_t end, const ValueRows& values,
                           float c, float* o) {
  constexpr size_t kStep = kGroups<Element> * kLanes;
  const auto [data, stride, width] = values;
  size_t d = 0;
  for (; d + 4 * kLanes <= width; d += 4 * kLanes) {
    AddValues<Element, 4>(p, begin, end, data + BytesOf<Element>(d), stride, c, o + d);
  }
  for (; d + kStep <= width; d += kStep) {
    AddValues<Element, kGroups<Element>>(p, begin, end, data + BytesOf<Element>(d), stride, c,
                                         o + d);
  }
  if (d < width) {
    AddValuesTail<Element>(p, begin, end, data + BytesOf<Element>(d), stride, c, o + d, width - d);
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

// The part of one row's attention that one block of the cache holds.
struct BlockPart {
  const uint8_t* keys;
  const uint8_t* values;
  size_t begin, end;  // visible positions of the block
};

inline BlockPart PartOf(const AttentionArgs& a, size_t block) {
  const size_t first = block * kKvBlockSize;
  return {static_cast<const uint8_t*>(a.k_blocks[block]),
          static_cast<const uint8_t*>(a.v_blocks[block]), a.begin > first ? a.begin - first : 0,
          a.end - first < kKvBlockSize ? a.end - first : kKvBlockSize};
}

// What a row's result is made of so far: running maximum and sum of weights.
struct SoftmaxState {
  float m, l;
};

// Adds positions [part.begin, part.end).
template <class Element>
inline void AttendBlock(const AttentionArgs& a, const BlockPart& part, SoftmaxState* state) {
  const size_t stride = BytesOf<Element>(a.head_dim);
  alignas(64) float s[kKvBlockSize] = {};
  size_t j = part.begin;
  for (; j + 4 <= part.end; j += 4) {
    Scores<Element, 4>(a.query, a.head_dim, part.keys + j * stride, stride, s + j);
  }
  for (; j < part.end; ++j) {
    Scores<Element, 1>(a.query, a.head_dim, part.keys + j * stride, stride, s + j);
  }
  const float maximum = ScaleScores(s, part.begin, part.end, a.scale, state->m);
  const float c = ExpScalar(state->m - maximum);
  state->l = FmaScalar(state->l, c, Weights(s, part.begin, part.end, maximum));
  AddBlockValues<Element>(s, part.begin, part.end, {part.values, stride, a.value_dim}, c, a.out);
  state->m = maximum;
}

// Weights of the selected scores relative to `maximum`, 0 for the others, into p [kKvBlockSize].
// Returns their lane sum. Overwrites s.
inline float SelectedWeights(float* s, uint64_t selected, float maximum, float* p) {
  F32x16 sum = Zero();
  for (size_t j = 0; j < kKvBlockSize; j += kLanes) {
    Store(Exp(Sub(Load(s + j), Splat(maximum))), s + j);
    for (size_t i = j; i < j + kLanes; ++i) p[i] = (selected >> i & 1) != 0 ? s[i] : 0.0f;
    sum = Add(sum, Load(p + j));
  }
  return ReduceAdd(sum);
}

// AttendBlock() for the positions whose bit is set in `selected`, which has no others. They are
// taken run by run: each is one Fma in ascending order, so it does not matter where a run ends, and
// the factor of what came before belongs to the first one.
template <class Element>
inline void AttendSelected(const AttentionArgs& a, const BlockPart& part, uint64_t selected,
                           SoftmaxState* state) {
  const size_t stride = BytesOf<Element>(a.head_dim);
  alignas(64) float s[kKvBlockSize] = {}, p[kKvBlockSize];
  float maximum = state->m;
  for (size_t j = part.begin; j < part.end; ++j) {
    if ((selected >> j & 1) == 0) continue;
    Scores<Element, 1>(a.query, a.head_dim, part.keys + j * stride, stride, s + j);
    s[j] *= a.scale;
    maximum = MaxScalar(maximum, s[j]);
  }
  float c = ExpScalar(state->m - maximum);
  state->l = FmaScalar(state->l, c, SelectedWeights(s, selected, maximum, p));
  for (size_t j = part.begin; j < part.end;) {
    const size_t begin = j;
    while (j < part.end && (selected >> j & 1) != 0) ++j;
    if (j > begin) {
      AddBlockValues<Element>(p, begin, j, {part.values, stride, a.value_dim}, c, a.out);
      c = 1.0f;
    }
    if (j == begin) ++j;
  }
  state->m = maximum;
}

// The bits of positions [begin, end) of a block.
inline uint64_t BitsOf(size_t begin, size_t end) {
  return (~uint64_t{0} >> (kKvBlockSize - (end - begin))) << begin;
}

template <class Element>
inline void Attend(const AttentionArgs& a) {
  // A sink is the first position of all, with a value of zeros: exp(sink - m) is then 1.
  SoftmaxState state{.m = a.sink,
                     .l = a.sink == -std::numeric_limits<float>::infinity() ? 0.0f : 1.0f};
  std::memset(a.out, 0, a.value_dim * sizeof(float));
  for (size_t block = a.begin / kKvBlockSize; block * kKvBlockSize < a.end; ++block) {
    const BlockPart part = PartOf(a, block);
    const uint64_t all = BitsOf(part.begin, part.end);
    const uint64_t selected = a.selected == nullptr ? all : a.selected[block] & all;
    if (selected == all) {
      AttendBlock<Element>(a, part, &state);
    } else if (selected != 0) {
      AttendSelected<Element>(a, part, selected, &state);
    }
  }
  const float inverse = 1.0f / state.l;
  for (size_t d = 0; d < a.value_dim; ++d) a.out[d] *= inverse;
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
