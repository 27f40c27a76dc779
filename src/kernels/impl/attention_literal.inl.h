// Streaming softmax attention over fixed blocks of 64 positions as numerics.md, 6, says it: row by
// row, position by position. It is what the tiles of attention_block.inl.h are tested against.
namespace tael::TAEL_ISA {
namespace {

// One row of a call, and what its result is made of so far.
struct LiteralRow {
  const float* query;
  float* out;
  size_t begin, end;  // visible positions
  float m, l;         // running maximum and sum of weights
};

// Calls fn(d, vector) for groups of 16 elements of a row of the cache, then fn(d, vector, rest) for
// what is left, filled up with zeros.
template <class Element, class Fn>
inline void ForEachGroup(const uint8_t* row, size_t width, const Fn& fn) {
  size_t d = 0;
  for (; d + kLanes <= width; d += kLanes) {
    const size_t start = d / (kGroups<Element> * kLanes) * kGroups<Element> * kLanes;
    fn(d, LoadGroup<Element>(row + BytesOf<Element>(start), (d - start) / kLanes), kLanes);
  }
  if (d < width) fn(d, LoadRest<Element>(row + BytesOf<Element>(d), width - d), width - d);
}

inline F32x16 LoadFew(const float* p, size_t count) {
  return count == kLanes ? Load(p) : LoadPartial(p, count);
}
inline void StoreFew(const F32x16& v, float* p, size_t count) {
  if (count == kLanes) return Store(v, p);
  StorePartial(v, p, count);
}

// The positions of the block that a row sees, bit by bit.
inline uint64_t VisibleBits(const AttentionArgs& a, const LiteralRow& row, size_t block) {
  uint64_t bits = 0;
  for (size_t j = 0; j < kKvBlockSize; ++j) {
    const size_t t = block * kKvBlockSize + j;
    if (t >= row.begin && t < row.end) bits |= uint64_t{1} << j;
  }
  return a.selected == nullptr ? bits : bits & a.selected[block];
}

// The dot product of a query and a key, in integers where the key is one of Q8_0.
template <class Element>
inline float Product(const AttentionArgs& a, const float* query, const uint8_t* key) {
  if constexpr (kInBlocks<Element>) {
    const QueryCodes codes = CodesOf(a, 0);
    float sum = 0.0f;
    for (size_t b = 0; b * Element::kBlock < a.head_dim; ++b, key += Element::kBlockBytes) {
      int32_t isum = 0;
      for (size_t i = 0; i < Element::kBlock; ++i) {
        isum +=
            static_cast<int8_t>(key[Element::kScaleBytes + i]) * codes.q[b * Element::kBlock + i];
      }
      sum = FmaScalar(static_cast<float>(isum), ElementF16::Decode(key) * codes.scales[b], sum);
    }
    return sum;
  } else {
    F32x16 lanes = Zero();
    ForEachGroup<Element>(key, a.head_dim, [&](size_t d, const F32x16& k, size_t count) {
      lanes = Fma(LoadFew(query + d, count), k, lanes);
    });
    return ReduceAdd(lanes);
  }
}

template <class Element>
inline void AttendLiterally(const AttentionArgs& a, size_t block, LiteralRow* row) {
  const uint64_t bits = VisibleBits(a, *row, block);
  if (bits == 0) return;
  const auto sees = [bits](size_t j) { return (bits >> j & 1) != 0; };
  const uint8_t* keys = static_cast<const uint8_t*>(a.k_blocks[block]);
  const uint8_t* values = static_cast<const uint8_t*>(a.v_blocks[block]);
  const size_t stride = BytesOf<Element>(a.head_dim);
  float s[kKvBlockSize] = {}, maximum = row->m;
  for (size_t j = 0; j < kKvBlockSize; ++j) {
    if (!sees(j)) continue;
    s[j] = Product<Element>(a, row->query, keys + j * stride) * a.scale;
    maximum = MaxScalar(maximum, s[j]);
  }
  const float c = ExpScalar(row->m - maximum);
  F32x16 sum = Zero();
  for (size_t j = 0; j < kKvBlockSize; ++j) s[j] = sees(j) ? ExpScalar(s[j] - maximum) : 0.0f;
  for (size_t j = 0; j < kKvBlockSize; j += kLanes) sum = Add(sum, Load(s + j));
  row->l = FmaScalar(row->l, c, ReduceAdd(sum));
  for (size_t d = 0; d < a.value_dim; ++d) row->out[d] *= c;
  for (size_t j = 0; j < kKvBlockSize; ++j) {
    if (!sees(j)) continue;
    ForEachGroup<Element>(values + j * stride, a.value_dim,
                          [&](size_t d, const F32x16& v, size_t count) {
                            float* o = row->out + d;
                            StoreFew(Fma(Splat(s[j]), v, LoadFew(o, count)), o, count);
                          });
  }
  row->m = maximum;
}

void LiteralAttention(const AttentionArgs& a) noexcept {
  for (size_t r = 0; r < a.tokens * a.heads; ++r) {
    const size_t token = r / a.heads, head = r % a.heads;
    // A sink is the first position of all, with a value of zeros: exp(sink - m) is then 1.
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    const float sink = a.sinks == nullptr ? kNone : a.sinks[head];
    LiteralRow row{.query = a.query + token * a.query_stride + head * a.head_dim,
                   .out = a.out + token * a.out_stride + head * a.value_dim,
                   .begin = a.Begin(token),
                   .end = a.end + token,
                   .m = sink,
                   .l = sink == kNone ? 0.0f : 1.0f};
    std::memset(row.out, 0, a.value_dim * sizeof(float));
    if (a.dtype == DType::kQ8_0) CodeQuery(a, row.query, 0);
    for (size_t block = row.begin / kKvBlockSize; block * kKvBlockSize < row.end; ++block) {
      if (a.dtype == DType::kF16) {
        AttendLiterally<ElementF16>(a, block, &row);
      } else if (a.dtype == DType::kBF16) {
        AttendLiterally<ElementBF16>(a, block, &row);
      } else if (a.dtype == DType::kQ8_0) {
        AttendLiterally<ElementQ8>(a, block, &row);
      } else {
        AttendLiterally<ElementF32>(a, block, &row);
      }
    }
    const float inverse = 1.0f / row.l;
    for (size_t d = 0; d < a.value_dim; ++d) row.out[d] *= inverse;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
