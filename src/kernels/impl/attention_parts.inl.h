// What a call of attention consists of (see attention_block.inl.h): its rows, the part of a block
// of the cache that they see, and how both are cut into tiles and chunks.
namespace tael::TAEL_ISA {
namespace {

// The rows of a call, head by head within a token. Running maximum and sum of each, and what the
// block at hand adds.
struct QueryRows {
  static constexpr size_t kMax = kAttentionRows;
  size_t count = 0;
  const float* query[kMax];
  float* out[kMax];
  float m[kMax], l[kMax];
  float c[kMax];         // factor of what came before the block
  Span visible[kMax];    // positions of the block
  float* weights[kMax];  // into `memory`: scores of the block's positions, then their weights
  alignas(64) float memory[kMax][kKvBlockSize];
};

inline void StartRows(const AttentionArgs& a, QueryRows* rows) {
  rows->count = a.tokens * a.heads;
  for (size_t r = 0; r < rows->count; ++r) {
    const size_t token = r / a.heads, head = r % a.heads;
    rows->query[r] = a.query + token * a.query_stride + head * a.head_dim;
    rows->out[r] = a.out + token * a.out_stride + head * a.value_dim;
    rows->weights[r] = rows->memory[r];
    std::memset(rows->out[r], 0, a.value_dim * sizeof(float));
    std::memset(rows->weights[r], 0, sizeof(rows->memory[r]));
    // A sink is the first position of all, with a value of zeros: exp(sink - m) is then 1.
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    rows->m[r] = a.sinks == nullptr ? kNone : a.sinks[head];
    rows->l[r] = rows->m[r] == kNone ? 0.0f : 1.0f;
    if (a.dtype == DType::kQ8_0) CodeQuery(a, rows->query[r], r);
  }
}

// One block of the cache: the rows that see any of it, and the positions that any row sees. Where
// those are selected ones they are `packed`: rows of floats, scores and weights stand one behind
// the other.
struct BlockPart {
  size_t first_row, end_row;
  uint64_t bits;  // of the positions
  bool packed;
  Span all;                     // of scores and weights that are made
  uint8_t place[kKvBlockSize];  // the position of each of them
};

// The bits of positions [begin, end), begin < end.
inline uint64_t BitsOf(const Span& s) {
  return (~uint64_t{0} >> (kKvBlockSize - (s.end - s.begin))) << s.begin;
}

// Later tokens see later positions: the rows that see a block are consecutive.
inline BlockPart FindPart(const AttentionArgs& a, size_t block, QueryRows* rows) {
  const size_t first = block * kKvBlockSize;
  BlockPart part{rows->count, 0, 0, false, {kKvBlockSize, 0}, {}};
  for (size_t token = 0; token < a.tokens; ++token) {
    const size_t begin = a.Begin(token), end = a.end + token;
    if (end <= first || begin >= first + kKvBlockSize) continue;
    const Span seen{begin > first ? begin - first : 0,
                    end - first < kKvBlockSize ? end - first : kKvBlockSize};
    if (part.first_row == rows->count) part.first_row = token * a.heads;
    part.end_row = (token + 1) * a.heads;
    part.bits |= BitsOf(seen);
    if (seen.begin < part.all.begin) part.all.begin = seen.begin;
    if (seen.end > part.all.end) part.all.end = seen.end;
    for (size_t r = token * a.heads; r < part.end_row; ++r) rows->visible[r] = seen;
  }
  if (a.selected == nullptr || (a.selected[block] & part.bits) == part.bits) {
    part.all.begin = part.all.begin / kLanes * kLanes;  // where tiles of keys begin
    for (size_t j = 0; j < kKvBlockSize; ++j) part.place[j] = static_cast<uint8_t>(j);
    return part;
  }
  part.packed = true;
  part.bits &= a.selected[block];
  part.all = {0, 0};
  for (uint64_t bits = part.bits; bits != 0; bits &= bits - 1) {
    part.place[part.all.end++] = static_cast<uint8_t>(std::countr_zero(bits));
  }
  for (size_t r = 0; r < rows->count; ++r) rows->visible[r] = part.all;
  return part;
}

// What belongs to the rows from `first` on, the last one again where there are no more before
// `end`: the same is then computed twice.
template <class From, class To, size_t Tile>
inline void TakeRows(From* const* all, size_t first, size_t end, To* (&tile)[Tile]) {
  ForEach<Tile>([&](auto r)
                    TAEL_INLINE_LAMBDA { tile[r] = all[first + r < end ? first + r : end - 1]; });
}
// Calls fn(first row, tile size as a constant) over all rows that see the block.
template <class Fn>
inline void ForEachTile(const BlockPart& part, const Fn& fn) {
  for (size_t r = part.first_row; r < part.end_row;) {
    const size_t size = AttentionTile(part.end_row - r);
    ForEach<kAttentionTileRows>([&](auto i) {
      constexpr size_t kSize = i + 1;
      if constexpr (kScoreKeys[kSize] != 0) {
        if (size == kSize) fn(r, std::integral_constant<size_t, kSize>());
      }
    });
    r += size;
  }
}

// While rows of a span are converted, as much of what is read next is fetched, of this block or of
// `next`: while it computes, the processor does not ask for it by itself.
struct Ahead {
  uintptr_t at;

  Ahead(const uint8_t* block, size_t row_bytes, const BlockPart& part, const Span& span,
        const void* next)
      : at(span.end < part.all.end
               ? reinterpret_cast<uintptr_t>(block + part.place[span.end] * row_bytes)
               : reinterpret_cast<uintptr_t>(next)) {}
  void Fetch(size_t bytes) {
    for (const uintptr_t end = at + bytes; at < end; at += 64) {
      __builtin_prefetch(reinterpret_cast<const void*>(at));
    }
  }
};

// Calls fn(span) for the positions of a part, at most `together` at a time.
template <class Fn>
inline void ForEachSpan(const BlockPart& part, size_t together, const Fn& fn) {
  for (size_t from = part.all.begin / together * together; from < part.all.end; from += together) {
    const Span span{from < part.all.begin ? part.all.begin : from,
                    part.all.end - from < together ? part.all.end : from + together};
    fn(span);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
