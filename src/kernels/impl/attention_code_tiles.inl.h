// Attention over a cache of Q8_0 with the scores in tile registers (AMX; numerics.md, 6): sixteen
// keys as attention_pack.inl.h packs them are a right-hand tile for each block of 32 elements, and
// up to sixteen query rows of 8 bits, where they lie, the left-hand one. A block has a scale of its
// own, so every product is stored and goes into the float chains.
namespace tael::TAEL_ISA {
namespace {

// Blocks of a pass: each has a tile for its sums.
inline constexpr size_t kCodeBlocks = 4;

// What one pass multiplies: a group of query rows with sixteen keys, at blocks [block, block +
// blocks).
struct CodePass {
  size_t row, key;  // the first ones; the key counted in its block of the cache
  size_t block, blocks;
  const float* keys;  // at the first block
};
struct CodeProducts {
  I32x16 sum[kCodeBlocks][kTileRows];  // [block][query row]
};

// Tiles 0 to 3 are sums, 4 and 5 queries, 6 and 7 keys (TilesFor).
template <size_t Blocks>
inline void MultiplyBlocks(const int8_t* q, size_t stride, const float* keys, CodeProducts* out) {
  ForEach<Blocks>([&](auto b) TAEL_INLINE_LAMBDA {
    constexpr int kSum = b, kQueries = 4 + b % 2, kKeys = 6 + b % 2;
    ZeroTile<kSum>();
    LoadTile<kKeys>(keys + b * kKeyBlockFloats, kTileRowBytes);
    LoadTile<kQueries>(q + b * ElementQ8::kBlock, stride);
    AddSignedProducts<kSum, kQueries, kKeys>();
  });
  ForEach<Blocks>([&](auto b) TAEL_INLINE_LAMBDA { StoreTile<b>(out->sum[b], kTileRowBytes); });
}
[[gnu::noinline]] inline void MultiplyCodes(const AttentionArgs& a, const CodePass& pass,
                                            CodeProducts* out) {
  const int8_t* q = CodesOf(a, pass.row).q + pass.block * ElementQ8::kBlock;
  ForEach<kCodeBlocks>([&](auto less) TAEL_INLINE_LAMBDA {
    if (pass.blocks == less + 1) MultiplyBlocks<less + 1>(q, a.head_dim, pass.keys, out);
  });
}

// Adds what a pass has multiplied to the chains of its `count` rows, which are the scores.
template <size_t Blocks>
inline void AddBlocks(const AttentionArgs& a, const CodePass& pass, size_t count,
                      const CodeProducts& products, float* const* scores) {
  const size_t row_blocks = a.head_dim / ElementQ8::kBlock;
  const float* of_query = CodesOf(a, pass.row).scales + pass.block;
  F32x16 scales[Blocks];
  ForEach<Blocks>([&](auto b) TAEL_INLINE_LAMBDA {
    scales[b] = Load(pass.keys + (b + 1) * kKeyBlockFloats - kLanes);
  });
  for (size_t r = 0; r < count; ++r, of_query += row_blocks) {
    float* score = scores[pass.row + r] + pass.key;
    F32x16 acc = pass.block == 0 ? Zero() : Load(score);
    ForEach<Blocks>([&](auto b) TAEL_INLINE_LAMBDA {
      acc = Fma(ToFloats(products.sum[b][r]), Mul(scales[b], Splat(of_query[b])), acc);
    });
    Store(acc, score);
  }
}
[[gnu::noinline]] inline void AddProducts(const AttentionArgs& a, const CodePass& pass,
                                          size_t count, const CodeProducts& products,
                                          float* const* scores) {
  ForEach<kCodeBlocks>([&](auto less) TAEL_INLINE_LAMBDA {
    if (pass.blocks == less + 1) AddBlocks<less + 1>(a, pass, count, products, scores);
  });
}

// The scores of all rows with the packed keys of a span. The processor multiplies one pass while it
// adds up the one before, so the order of instructions lets it.
inline void ScoreSpanInTiles(const AttentionArgs& a, const ActGroups& groups, const Span& span,
                             QueryRows* rows) {
  const size_t blocks = a.head_dim / ElementQ8::kBlock;
  CodePass passes[2];
  CodeProducts products[2];
  size_t count = 0;
  const float* keys = a.scratch;
  for (size_t j = span.begin; j < span.end; j += kLanes, keys += blocks * kKeyBlockFloats) {
    for (size_t group = 0; group < groups.groups; ++group) {
      for (size_t b = 0; b < blocks; b += kCodeBlocks, ++count) {
        CodePass& pass = passes[count % 2];
        pass = {.row = groups.First(group),
                .key = j,
                .block = b,
                .blocks = blocks - b < kCodeBlocks ? blocks - b : kCodeBlocks,
                .keys = keys + b * kKeyBlockFloats};
        MultiplyCodes(a, pass, &products[count % 2]);
        if (count == 0) continue;
        const size_t before = (count - 1) % 2;
        AddProducts(a, passes[before], groups.rows, products[before], rows->weights);
      }
    }
  }
  const size_t last = (count - 1) % 2;
  AddProducts(a, passes[last], groups.rows, products[last], rows->weights);
}

// The bits of Attention(). REQUIRES: a.dtype is kQ8_0.
void AttentionInTiles(const AttentionArgs& a) noexcept {
  QueryRows rows;
  StartRows(a, &rows);
  size_t configured = 0;  // rows of the tiles
  ForEachBlock(a, &rows, [&](size_t block, const BlockPart& part) {
    const ActGroups groups(part.first_row, part.end_row - part.first_row);
    if (groups.rows != configured) {
      configured = groups.rows;
      ConfigureTiles(TilesFor(configured, ElementQ8::kBlock));
    }
    ForEachSpan(part, CodesTogether(a.head_dim), [&](const Span& span) {
      PackSpan(a, part, a.k_blocks[block], span, a.v_blocks[block]);
      ScoreSpanInTiles(a, groups, span, &rows);
    });
    AdvancePart(a, part, &rows);
    if (AreFew(a, part)) {
      MixFew<ElementQ8>(a, part, block, &rows);
    } else {
      MixBlock(a, part, block, &rows);
    }
  });
  ReleaseTiles();
  FinishRows(a, rows);
}

}  // namespace
}  // namespace tael::TAEL_ISA
