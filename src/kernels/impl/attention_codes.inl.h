// Scores with keys of Q8_0: integer products of blocks of 32 elements, then one chain of floats
// over the blocks (numerics.md, 6), on keys as attention_pack.inl.h packs them. Needs of the
// instruction set: kKeySets, how many sixteens of keys a tile of [1], [2], ... queries has;
// KeyQuads, KeySums and what makes and adds them (isa/avx2_keys.h).
namespace tael::TAEL_ISA {
namespace {

// The dot products of a tile of queries with `Sets` sets of keys, `set_floats` apart:
// out[r][16 i + lane].
template <size_t Sets, size_t Rows>
inline void CodeTile(const QueryCodes (&queries)[Rows], size_t blocks, const float* keys,
                     float* const (&out)[Rows]) {
  const size_t set_floats = blocks * kKeyBlockFloats;
  F32x16 acc[Rows][Sets];
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Sets>([&](auto i) TAEL_INLINE_LAMBDA { acc[r][i] = Zero(); });
  });
  for (size_t b = 0; b < blocks; ++b, keys += kKeyBlockFloats) {
    KeySums sums[Rows][Sets];
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
      const int16_t* halves = queries[r].sums + 2 * b;
      ForEach<Sets>([&](auto i)
                        TAEL_INLINE_LAMBDA { sums[r][i] = StartKeySums(halves[0] + halves[1]); });
    });
    ForEach<ElementQ8::kBlock / 4>([&](auto g) TAEL_INLINE_LAMBDA {
      KeyQuads quads[Sets];
      ForEach<Sets>([&](auto i) TAEL_INLINE_LAMBDA {
        quads[i] =
            LoadKeyQuads(reinterpret_cast<const uint8_t*>(keys + i * set_floats + g * kLanes));
      });
      ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
        const auto quad = LoadQueryQuad(queries[r].q + b * ElementQ8::kBlock + 4 * g);
        ForEach<Sets>([&](auto i) TAEL_INLINE_LAMBDA {
          sums[r][i] = AddKeyQuads(sums[r][i], quads[i], quad);
        });
      });
    });
    ForEach<Sets>([&](auto i) TAEL_INLINE_LAMBDA {
      const F32x16 scales = Load(keys + i * set_floats + kKeyBlockFloats - kLanes);
      ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
        acc[r][i] = Fma(ToFloats(sums[r][i]), Mul(scales, Splat(queries[r].scales[b])), acc[r][i]);
      });
    });
  }
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Sets>([&](auto i) TAEL_INLINE_LAMBDA { Store(acc[r][i], out[r] + i * kLanes); });
  });
}

// The scores of a tile of rows from `first` on with the packed keys of a span.
template <size_t Tile>
inline void ScoreSpan(const AttentionArgs& a, const BlockPart& part, const Span& span, size_t first,
                      QueryRows* rows) {
  constexpr size_t kSets = kKeySets[Tile];
  const size_t blocks = a.head_dim / ElementQ8::kBlock;
  QueryCodes queries[Tile];
  float* scores[Tile];
  TakeRows(rows->weights, first, part.end_row, scores);
  ForEach<Tile>([&](auto i) TAEL_INLINE_LAMBDA {
    queries[i] = CodesOf(a, first + i < part.end_row ? first + i : part.end_row - 1);
    scores[i] += span.begin;
  });
  size_t sets = (span.end - span.begin + kLanes - 1) / kLanes;
  const float* keys = a.scratch;
  const auto pass = [&](auto count) TAEL_INLINE_LAMBDA {
    for (; sets >= count; sets -= count, keys += count * blocks * kKeyBlockFloats) {
      CodeTile<count>(queries, blocks, keys, scores);
      for (float*& s : scores) s += count * kLanes;
    }
  };
  pass(std::integral_constant<size_t, kSets>());
  if constexpr (kSets > 1) pass(std::integral_constant<size_t, 1>());
}

// The scores of all rows with the keys that any row sees.
inline void ScoreCodes(const AttentionArgs& a, const BlockPart& part, size_t block,
                       QueryRows* rows) {
  ForEachSpan(part, CodesTogether(a.head_dim), [&](const Span& span) {
    PackSpan(a, part, a.k_blocks[block], span, a.v_blocks[block]);
    ForEachTile(part,
                [&](size_t first, auto tile) { ScoreSpan<tile>(a, part, span, first, rows); });
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
