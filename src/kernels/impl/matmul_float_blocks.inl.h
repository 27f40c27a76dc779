// The float matrix product for many activation rows (numerics.md, 3), in blocks that stay in the
// caches. A tile adds up a stretch of K for some outputs, in as many lanes of each as one register
// has; what it has so far lies in memory between two stretches. No lane sees its additions in
// another order than alone.
namespace tael::TAEL_ISA {
namespace {

// Outputs of a block: its sums stay in the second-level cache.
inline constexpr size_t kBlockRows = 48, kBlockActs = 48;
// From this many activation rows on.
inline constexpr size_t kBlockMinActs = 6;

// Sums of a block, sixteen lanes of each output: act * kBlockRows + row.
struct FloatSums {
  alignas(64) float lanes[kBlockActs * kBlockRows][kLanes];
};

// Elements [p, p + whole + rest) of a tile's rows; `rest` < 16 are behind the last whole group.
struct Stretch {
  size_t p, whole, rest;
};

template <class Element, size_t Acts, size_t Part>
[[gnu::always_inline]] inline void BlockTilePart(const float* x, size_t ldx,
                                                 const uint8_t* const* rows, const Stretch& span,
                                                 float (*sums)[kLanes]) {
  LanePart acc[Acts][kBlockTileRows];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    ForEach<kBlockTileRows>([&](auto r) TAEL_INLINE_LAMBDA {
      acc[s][r] = span.p == 0 ? ZeroPart() : LoadPart(sums[s * kBlockRows + r] + Part * kPartLanes);
    });
  });
  const auto add = [&](auto acts_at, auto weights_at) TAEL_INLINE_LAMBDA {
    LanePart acts[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acts[s] = acts_at(s); });
    ForEach<kBlockTileRows>([&](auto r) TAEL_INLINE_LAMBDA {
      const LanePart weights = weights_at(r);
      ForEach<Acts>([&](auto s)
                        TAEL_INLINE_LAMBDA { acc[s][r] = FmaPart(weights, acts[s], acc[s][r]); });
    });
  };
  const size_t end = span.p + span.whole;
  for (size_t e = span.p; e < end; e += kLanes) {
    add([&](auto s) TAEL_INLINE_LAMBDA { return LoadPart(x + s * ldx + e + Part * kPartLanes); },
        [&](auto r) TAEL_INLINE_LAMBDA {
          return LoadPartAs<Element, Part>(rows[r] + e * Element::kBytes);
        });
  }
  if (span.rest != 0) {
    add([&](auto s)
            TAEL_INLINE_LAMBDA { return PartOf<Part>(LoadPartial(x + s * ldx + end, span.rest)); },
        [&](auto r) TAEL_INLINE_LAMBDA {
          return PartOf<Part>(LoadPartialAs<Element>(rows[r] + end * Element::kBytes, span.rest));
        });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    ForEach<kBlockTileRows>([&](auto r) TAEL_INLINE_LAMBDA {
      StorePart(acc[s][r], sums[s * kBlockRows + r] + Part * kPartLanes);
    });
  });
}

// `Acts` activation rows from x with a panel of weight rows, `count` of them, from w.
template <class Element, size_t Acts>
[[gnu::noinline]] void BlockTiles(const FloatProduct& a, const float* x, const uint8_t* w,
                                  size_t count, const Stretch& span, float (*sums)[kLanes]) {
  for (size_t j = 0; j < count; j += kBlockTileRows) {
    const uint8_t* rows[kBlockTileRows];
    ForEach<kBlockTileRows>([&](auto r) TAEL_INLINE_LAMBDA {  // behind the last: the last again
      rows[r] = w + (j + r < count ? j + r : count - 1) * a.row_bytes;
    });
    ForEach<kLanes / kPartLanes>([&](auto part) TAEL_INLINE_LAMBDA {
      BlockTilePart<Element, Acts, part>(x, a.ldx, rows, span, sums + j);
    });
  }
}

// The same for any number of them up to kBlockTileActs.
template <class Element>
inline void BlockTilesOf(const FloatProduct& a, size_t acts, const float* x, const uint8_t* w,
                         size_t count, const Stretch& span, float (*sums)[kLanes]) {
  ForEach<kBlockTileActs>([&](auto less) TAEL_INLINE_LAMBDA {
    if (acts == less + 1) BlockTiles<Element, less + 1>(a, x, w, count, span, sums);
  });
}

// Ends the sums of `count` outputs that lie side by side.
inline void ReduceRow(const float (*sums)[kLanes], size_t count, float* y) {
  size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    F32x16 v[kLanes];
    ForEach<kLanes>([&](auto r) TAEL_INLINE_LAMBDA { v[r] = Load(sums[j + r]); });
    ReduceSixteen(v, y + j);
  }
  for (; j < count; ++j) y[j] = ReduceAdd(Load(sums[j]));
}

// Cuts `total` into equal pieces of at most `most`, in units of `unit`.
// REQUIRES: total > 0.
inline size_t EqualPiece(size_t total, size_t most, size_t unit) {
  const size_t pieces = (total + most - 1) / most;
  return ((total + pieces - 1) / pieces + unit - 1) / unit * unit;
}

// Outputs of weight rows [j, j + count) with activation rows [begin, end).
template <class Element>
inline void FloatBlock(const FloatProduct& a, size_t j, size_t count, size_t begin, size_t end,
                       FloatSums& sums) {
  const size_t span = EqualPiece(a.k, kBlockSpan, kLanes);
  const size_t tiles = (end - begin + kBlockTileActs - 1) / kBlockTileActs;
  const uint8_t* w = a.w + j * a.row_bytes;
  for (size_t p = 0; p < a.k; p += span) {
    const bool last = a.k - p <= span;
    const size_t elements = last ? a.k - p : span;
    const Stretch stretch{p, elements / kLanes * kLanes, elements % kLanes};
    for (size_t t = 0; t < tiles; ++t) {
      const size_t from = begin + (end - begin) * t / tiles;
      const size_t to = begin + (end - begin) * (t + 1) / tiles;
      float(*tile)[kLanes] = sums.lanes + (span == a.k ? 0 : (from - begin) * kBlockRows);
      BlockTilesOf<Element>(a, to - from, a.x + from * a.ldx, w, count, stretch, tile);
      if (!last) continue;
      for (size_t i = from; i < to; ++i) {
        ReduceRow(tile + (i - from) * kBlockRows, count, a.y + i * a.ldy + j);
      }
    }
  }
}

template <class Element>
void FloatBlocks(const FloatProduct& a, size_t m, size_t n) {
  FloatSums sums;
  const size_t panel = EqualPiece(n, kBlockRows, kBlockTileRows);
  const size_t acts = EqualPiece(m, kBlockActs, 1);
  for (size_t j = 0; j < n; j += panel) {
    for (size_t i = 0; i < m; i += acts) {
      FloatBlock<Element>(a, j, n - j < panel ? n - j : panel, i, m - i < acts ? m : i + acts,
                          sums);
    }
  }
}

// MatmulFloat(), in blocks where that pays.
void MatmulFloatInBlocks(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                         size_t row_bytes, size_t n, size_t k, float* y, size_t ldy) noexcept {
  if (m < kBlockMinActs || n < kBlockTileRows || k == 0) {
    return MatmulFloat(x, ldx, m, dtype, w, row_bytes, n, k, y, ldy);
  }
  const FloatProduct product{x, ldx, w, row_bytes, k, y, ldy};
  switch (dtype) {
    case DType::kF16:
      FloatBlocks<ElementF16>(product, m, n);
      break;
    case DType::kBF16:
      FloatBlocks<ElementBF16>(product, m, n);
      break;
    default:
      FloatBlocks<ElementF32>(product, m, n);
      break;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
