// The parts of streaming softmax attention over one block of 64 positions (numerics.md, 6), for all
// query rows that see it: scores with keys and sums of values, each converted to float32 once, then
// all rows pass over it in register tiles (few rows convert where they use it), and in between the
// running maximum and sum, which are those of Milakov & Gimelshein 2018, arXiv:1805.02867.
namespace tael::TAEL_ISA {
namespace {

// Floats of `width` elements, filled up with zeros to whole vectors.
template <class Element>
inline void DecodeRow(const uint8_t* from, size_t width, float* to) {
  constexpr size_t kStep = kGroups<Element> * kLanes;
  size_t d = 0;
  for (; d + kStep <= width; d += kStep) {
    ForEach<kGroups<Element>>([&](auto g) TAEL_INLINE_LAMBDA {
      Store(LoadGroup<Element>(from + BytesOf<Element>(d), g), to + d + g * kLanes);
    });
  }
  if (d < width) Store(LoadRest<Element>(from + BytesOf<Element>(d), width - d), to + d);
}

// The rows of a span, `row` elements apart in the block, `stride` floats apart in `to`.
template <class Element>
inline void DecodeRows(const void* block, size_t row, size_t width, const BlockPart& part,
                       const Span& span, size_t stride, const void* next, float* to) {
  const uint8_t* from = static_cast<const uint8_t*>(block);
  const size_t row_bytes = BytesOf<Element>(row);
  Ahead ahead(from, row_bytes, part, span, next);
  for (size_t i = span.begin; i < span.end; ++i, to += stride) {
    DecodeRow<Element>(from + part.place[i] * row_bytes, width, to);
    ahead.Fetch(row_bytes);
  }
}

// Calls fn with the type of what the cache has.
template <class Fn>
inline void WithElement(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::kF16:
      return fn(ElementF16());
    case DType::kBF16:
      return fn(ElementBF16());
    case DType::kQ8_0:
      return fn(ElementQ8());
    default:
      return fn(ElementF32());
  }
}

// Whether rows of the block are read as they are.
inline bool AreFloats(const AttentionArgs& a, const BlockPart& part) {
  return a.dtype == DType::kF32 && !part.packed;
}

// Calls fn(span, rows) for the keys of a part as floats, as many at a time as a chunk has. `next`
// is the block that is read afterwards.
template <class Fn>
inline void ForEachChunk(const AttentionArgs& a, const BlockPart& part, const void* block,
                         const void* next, const Fn& fn) {
  const size_t stride = (a.head_dim + kLanes - 1) / kLanes * kLanes;
  ForEachSpan(part, AttentionChunk(a.head_dim), [&](const Span& span) {
    if (AreFloats(a, part)) {
      return fn(span, FloatRows{static_cast<const float*>(block), a.head_dim, 0});
    }
    WithElement(a.dtype, [&](auto element) {
      DecodeRows<decltype(element)>(block, a.head_dim, a.head_dim, part, span, stride, next,
                                    a.scratch);
    });
    fn(span, FloatRows{a.scratch, stride, span.begin});
  });
}

// Elements of values that are converted together, of all positions of a block. So each output row
// is loaded once for the block, however wide rows are.
inline constexpr size_t kValueSlice = 64;
static_assert(kKvBlockSize * kValueSlice <= AttentionFloats(1));

// Elements [d, d + width) of the values of a part as floats.
inline FloatRows ValueSlice(const AttentionArgs& a, const BlockPart& part, const void* block,
                            const void* next, size_t d, size_t width) {
  if (AreFloats(a, part)) return {static_cast<const float*>(block), a.head_dim, 0};
  WithElement(a.dtype, [&](auto element) {
    using Element = decltype(element);
    const size_t skip = BytesOf<Element>(d);
    DecodeRows<Element>(static_cast<const uint8_t*>(block) + skip, a.head_dim, width, part,
                        part.all, kValueSlice,
                        static_cast<const uint8_t*>(next) + skip * kKvBlockSize, a.scratch);
  });
  return {a.scratch, kValueSlice, part.all.begin, d};
}

// Scores of all rows with the keys that any row sees. Tiles may reach beyond them: those scores
// are hidden afterwards.
inline void ScoreBlock(const AttentionArgs& a, const BlockPart& part, size_t block,
                       QueryRows* rows) {
  ForEachChunk(a, part, a.k_blocks[block], a.v_blocks[block],
               [&](const Span& span, const FloatRows& keys) {
                 ForEachTile(part, [&](size_t first, auto tile) {
                   constexpr size_t kTile = tile;
                   const float* queries[kTile];
                   float* scores[kTile];
                   TakeRows(rows->query, first, part.end_row, queries);
                   TakeRows(rows->weights, first, part.end_row, scores);
                   for (size_t j = span.begin; j < span.end; j += kScoreKeys[kTile]) {
                     ScoreTile(queries, a.head_dim, keys, j, scores);
                   }
                 });
               });
}

// Moves packed scores to their positions; the last ones first, since none moves down.
inline void Spread(float* s, uint64_t bits) {
  for (size_t i = static_cast<size_t>(std::popcount(bits)); bits != 0;) {
    const size_t j = kKvBlockSize - 1 - static_cast<size_t>(std::countl_zero(bits));
    s[j] = s[--i];
    bits &= ~(uint64_t{1} << j);
  }
}
// Packs the weights of these positions.
inline void Pack(float* p, uint64_t bits) {
  for (size_t i = 0; bits != 0; bits &= bits - 1) p[i++] = p[std::countr_zero(bits)];
}

// Scales the scores of a row, hides the positions whose bit is not set, and finds the largest of
// each lane.
inline F32x16 PrepareScores(float* s, uint64_t bits, float scale) {
  for (size_t j = 0; j < kKvBlockSize; j += kLanes) Store(Mul(Load(s + j), Splat(scale)), s + j);
  if (~bits != 0) {
    constexpr float kHidden = -std::numeric_limits<float>::infinity();  // its exp is +0
    for (size_t j = 0; j < kKvBlockSize; ++j) s[j] = (bits >> j & 1) != 0 ? s[j] : kHidden;
  }
  F32x16 largest = Load(s);
  for (size_t j = kLanes; j < kKvBlockSize; j += kLanes) largest = Max(Load(s + j), largest);
  return largest;
}

// Turns scores into weights relative to `maximum`; returns the lanes of their sum.
inline F32x16 Weights(float* s, float maximum) {
  F32x16 sum = Zero();
  for (size_t j = 0; j < kKvBlockSize; j += kLanes) {
    const F32x16 p = Exp(Sub(Load(s + j), Splat(maximum)));
    Store(p, s + j);
    sum = Add(sum, p);
  }
  return sum;
}

// One step of the running maximum and sum of `count` rows, at most four.
inline void AdvanceRows(const AttentionArgs& a, const BlockPart& part, size_t first, size_t count,
                        QueryRows* rows) {
  F32x16 lanes[4];
  float found[4];
  for (size_t i = 0; i < 4; ++i) {
    if (i >= count) {
      lanes[i] = lanes[0];
      continue;
    }
    float* s = rows->weights[first + i];
    if (part.packed) Spread(s, part.bits);
    lanes[i] =
        PrepareScores(s, part.packed ? part.bits : BitsOf(rows->visible[first + i]), a.scale);
  }
  ReduceMax4(lanes, found);
  const F32x16 before = LoadPartial(rows->m + first, count);
  const F32x16 maximum = Max(before, LoadPartial(found, count));
  const F32x16 c = Exp(Sub(before, maximum));
  StorePartial(maximum, rows->m + first, count);
  StorePartial(c, rows->c + first, count);
  for (size_t i = 0; i < count; ++i) {
    float* s = rows->weights[first + i];
    lanes[i] = Weights(s, rows->m[first + i]);
    if (part.packed) Pack(s, part.bits);
  }
  ReduceAdd4(lanes, found);
  const F32x16 l = Fma(LoadPartial(rows->l + first, count), c, LoadPartial(found, count));
  StorePartial(l, rows->l + first, count);
}

// The same for all rows that see the block.
inline void AdvancePart(const AttentionArgs& a, const BlockPart& part, QueryRows* rows) {
  for (size_t r = part.first_row; r < part.end_row; r += 4) {
    AdvanceRows(a, part, r, part.end_row - r < 4 ? part.end_row - r : 4, rows);
  }
}

// The values of `Groups` groups of 16 dimensions from d on for one row.
template <size_t Groups>
inline void MixRow(const QueryRows& rows, size_t r, const Span& span, const FloatRows& values,
                   size_t d, float factor) {
  const float* const weights[1] = {rows.weights[r]};
  float* const out[1] = {rows.out[r]};
  const float factors[1] = {factor};
  AddValues<Groups>(weights, span, values, d, factors, out);
}

// The same for a tile of rows. What not all of them see is added row by row, before and behind what
// they share: each value is one Fma in ascending order, so it does not matter where a span ends.
// The factor of what came before belongs to the first one.
template <size_t Groups, size_t Tile>
inline void MixTile(const QueryRows& rows, size_t first, size_t end_row, const FloatRows& values,
                    size_t d) {
  const size_t last = first + Tile < end_row ? first + Tile : end_row;
  Span shared = rows.visible[first];
  bool alike = true;
  for (size_t r = first + 1; r < last; ++r) {
    const Span& s = rows.visible[r];
    alike = alike && s.begin == shared.begin && s.end == shared.end;
    shared = {s.begin > shared.begin ? s.begin : shared.begin,
              s.end < shared.end ? s.end : shared.end};
  }
  if (shared.begin >= shared.end) {
    for (size_t r = first; r < last; ++r) {
      if (rows.visible[r].begin < rows.visible[r].end) {
        MixRow<Groups>(rows, r, rows.visible[r], values, d, rows.c[r]);
      }
    }
    return;
  }
  const float* weights[Tile];
  float* out[Tile];
  float factors[Tile];
  TakeRows(rows.weights, first, end_row, weights);
  TakeRows(rows.out, first, end_row, out);
  ForEach<Tile>([&](auto i) TAEL_INLINE_LAMBDA {
    factors[i] = rows.c[first + i < last ? first + i : last - 1];
  });
  if (alike) return AddValues<Groups>(weights, shared, values, d, factors, out);
  for (size_t i = 0; i < Tile; ++i) {
    const size_t r = first + i < last ? first + i : last - 1;
    if (rows.visible[r].begin == shared.begin) continue;
    if (r == first + i) {
      MixRow<Groups>(rows, r, {rows.visible[r].begin, shared.begin}, values, d, rows.c[r]);
    }
    factors[i] = 1.0f;
  }
  AddValues<Groups>(weights, shared, values, d, factors, out);
  for (size_t r = first; r < last; ++r) {
    if (rows.visible[r].end == shared.end) continue;
    MixRow<Groups>(rows, r, {shared.end, rows.visible[r].end}, values, d, 1.0f);
  }
}

// Adds elements [d, end) of the values of a block to all rows that see any of it.
inline void MixSlice(const BlockPart& part, const FloatRows& values, size_t d, size_t end,
                     const QueryRows& rows) {
  for (; d + kValueGroups * kLanes <= end; d += kValueGroups * kLanes) {
    ForEachTile(part, [&](size_t first, auto tile) {
      MixTile<kValueGroups, tile>(rows, first, part.end_row, values, d);
    });
  }
  for (; d + kLanes <= end; d += kLanes) {
    ForEachTile(part, [&](size_t first, auto tile) {
      MixTile<1, tile>(rows, first, part.end_row, values, d);
    });
  }
  if (d == end) return;
  for (size_t r = part.first_row; r < part.end_row; ++r) {
    AddValuesRest(rows.weights[r], rows.visible[r], values, d, end - d, rows.c[r], rows.out[r]);
  }
}

// Adds the values of a block to all rows that see it.
inline void MixBlock(const AttentionArgs& a, const BlockPart& part, size_t block, QueryRows* rows) {
  const bool last = (block + 1) * kKvBlockSize >= a.end + a.tokens - 1;
  const void* next = a.k_blocks[last ? block : block + 1];
  for (size_t d = 0; d < a.value_dim; d += kValueSlice) {
    const size_t width = a.value_dim - d < kValueSlice ? a.value_dim - d : kValueSlice;
    MixSlice(part, ValueSlice(a, part, a.v_blocks[block], next, d, width), d, d + width, *rows);
  }
}

// Whether the rows are so few, of one token, that nothing is gained by converting what is read to
// floats first.
inline bool AreFew(const AttentionArgs& a, const BlockPart& part) {
  return a.tokens == 1 && a.heads <= kStoredRows && !part.packed && a.dtype != DType::kF32 &&
         a.value_dim % (kValueGroups * kLanes) == 0;
}

template <class Element>
inline StoredRows<Element> Stored(const AttentionArgs& a, const void* block, const void* next) {
  return {static_cast<const uint8_t*>(block), BytesOf<Element>(a.head_dim),
          static_cast<const uint8_t*>(next)};
}

// The scores of a tile of rows, keys converted where they are used.
template <size_t Tile, class Keys>
inline void ScoreStored(const AttentionArgs& a, const BlockPart& part, size_t first,
                        const Keys& keys, QueryRows* rows) {
  const float* queries[Tile];
  float* scores[Tile];
  TakeRows(rows->query, first, part.end_row, queries);
  TakeRows(rows->weights, first, part.end_row, scores);
  for (size_t j = part.all.begin; j < part.all.end; j += kScoreKeys[Tile]) {
    ScoreTile(queries, a.head_dim, keys, j, scores);
  }
}

// The same for values. All rows see the same ones.
template <size_t Tile, class Values>
inline void MixStored(const AttentionArgs& a, const BlockPart& part, size_t first,
                      const Values& values, QueryRows* rows) {
  const float* weights[Tile];
  float* out[Tile];
  float factors[Tile];
  TakeRows(rows->weights, first, part.end_row, weights);
  TakeRows(rows->out, first, part.end_row, out);
  ForEach<Tile>([&](auto i) TAEL_INLINE_LAMBDA {
    factors[i] = rows->c[first + i < part.end_row ? first + i : part.end_row - 1];
  });
  for (size_t d = 0; d < a.value_dim; d += kValueGroups * kLanes) {
    AddValues<kValueGroups>(weights, rows->visible[first], values, d, factors, out);
  }
}

// The values of a block for few rows, converted where they are used. Those fetch the next keys.
template <class Element>
inline void MixFew(const AttentionArgs& a, const BlockPart& part, size_t block, QueryRows* rows) {
  const bool last = (block + 1) * kKvBlockSize >= a.end;
  const auto values = Stored<Element>(a, a.v_blocks[block], a.k_blocks[last ? block : block + 1]);
  ForEachTile(part,
              [&](size_t first, auto tile) { MixStored<tile>(a, part, first, values, rows); });
}

// Calls fn(block, part) for every block of which any row sees something, in ascending order.
template <class Fn>
inline void ForEachBlock(const AttentionArgs& a, QueryRows* rows, const Fn& fn) {
  const size_t end = a.end + a.tokens - 1;
  for (size_t block = a.Begin(0) / kKvBlockSize; block * kKvBlockSize < end; ++block) {
    const BlockPart part = FindPart(a, block, rows);
    if (part.bits != 0) fn(block, part);
  }
}

inline void FinishRows(const AttentionArgs& a, const QueryRows& rows) {
  for (size_t r = 0; r < rows.count; ++r) {
    const float inverse = 1.0f / rows.l[r];
    for (size_t d = 0; d < a.value_dim; ++d) rows.out[r][d] *= inverse;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
