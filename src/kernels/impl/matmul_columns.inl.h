// The float matrix product for many activation rows and short sums (numerics.md, 3): outputs lie
// side by side in a register, so that the tree at the end of their sums is additions of registers,
// where a row of 128 weights has eight of them and else takes as long for its tree. Weights of
// some outputs are brought into the order of use, in float32, once for all activation rows.
namespace tael::TAEL_ISA {
namespace {

// Outputs of a strip, and the longest sums for which its weights stay in the caches.
inline constexpr size_t kColumns = 2 * kPartLanes, kColumnsMaxK = 512;
// Weights in rows are turned around first. From so many activation rows on, and for sums no longer
// than this, that pays.
inline constexpr size_t kTurnedMinActs = 64, kTurnedMaxK = 256;
// From this many activation rows on, taking columns in the order of use pays.
inline constexpr size_t kColumnsMinActs = 6;

// Weights of kColumns outputs: [lane][k / 16][kColumns].
struct ColumnStrip {
  size_t groups;  // k / 16
  alignas(64) float w[kColumnsMaxK * kColumns];

  // Of elements 16 * g + lane.
  float* At(size_t lane, size_t g) { return w + (lane * groups + g) * kColumns; }
};

// From rows of weights: kColumns of them from w on.
template <class Element>
[[gnu::noinline]] void TurnRows(const uint8_t* w, size_t row_bytes, ColumnStrip* strip) {
  for (size_t first = 0; first < kColumns; first += kLanes) {
    for (size_t g = 0; g < strip->groups; ++g) {
      const uint8_t* from = w + first * row_bytes + g * kLanes * Element::kBytes;
      float rows[kLanes][kLanes];
      for (auto& row : rows) {
        Store(LoadAs<Element>(from), row);
        from += row_bytes;
      }
      for (size_t lane = 0; lane < kLanes; ++lane) {
        float* to = strip->At(lane, g) + first;
        for (size_t r = 0; r < kLanes; ++r) to[r] = rows[r][lane];
      }
    }
  }
}

// From weights in columns: row p from w on holds element p of every output.
template <class Element>
[[gnu::noinline]] void TakeColumns(const uint8_t* w, size_t row_bytes, ColumnStrip* strip) {
  for (size_t p = 0; p < strip->groups * kLanes; ++p, w += row_bytes) {
    float* to = strip->At(p % kLanes, p / kLanes);
    for (size_t c = 0; c < kColumns; c += kLanes) {
      Store(LoadAs<Element>(w + c * Element::kBytes), to + c);
    }
  }
}

template <size_t Acts>
using ColumnSums = LanePart[Acts][2];

// Adds one lane of all sums: x points at its element of the first group, w at its weights.
template <size_t Acts>
[[gnu::always_inline]] inline void AddColumnLane(const float* x, size_t ldx, const float* w,
                                                 ColumnSums<Acts>& sums) {
  const LanePart first = LoadPart(w), second = LoadPart(w + kPartLanes);
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    const LanePart act = SplatPart(x[s * ldx]);
    sums[s][0] = FmaPart(first, act, sums[s][0]);
    sums[s][1] = FmaPart(second, act, sums[s][1]);
  });
}

// kColumns outputs of `Acts` activation rows from x.
template <size_t Acts>
[[gnu::noinline]] void ColumnTile(const float* x, size_t ldx, ColumnStrip& strip, float* y,
                                  size_t ldy) {
  // In this order a sum of the tree is added to the one that was finished last: numerics.md, 2.
  static constexpr size_t kOrder[] = {0, 4, 2, 6, 1, 5, 3, 7};
  ColumnSums<Acts> pending[3];  // by level of the tree
  for (size_t n = 0; n < 8; ++n) {
    const size_t lane = kOrder[n];
    ColumnSums<Acts> low, high;  // lanes `lane` and `lane` + 8
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      ForEach<2>([&](auto v) TAEL_INLINE_LAMBDA { low[s][v] = high[s][v] = ZeroPart(); });
    });
    const float *w = strip.At(lane, 0), *w8 = strip.At(lane + 8, 0), *at = x + lane;
    for (size_t g = 0; g < strip.groups; ++g, w += kColumns, w8 += kColumns, at += kLanes) {
      AddColumnLane<Acts>(at, ldx, w, low);
      AddColumnLane<Acts>(at + 8, ldx, w8, high);
    }
    const auto add = [&](const ColumnSums<Acts>& more) TAEL_INLINE_LAMBDA {
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        ForEach<2>([&](auto v) TAEL_INLINE_LAMBDA { low[s][v] = AddPart(more[s][v], low[s][v]); });
      });
    };
    add(high);
    size_t level = 0;
    for (; (n >> level & 1) != 0; ++level) add(pending[level]);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      ForEach<2>([&](auto v) TAEL_INLINE_LAMBDA {
        if (n == 7) {
          StorePart(low[s][v], y + s * ldy + v * kPartLanes);
        } else {
          pending[level][s][v] = low[s][v];
        }
      });
    });
  }
}

// The outputs of a strip for all activation rows.
inline void ColumnTiles(const FloatProduct& a, size_t m, size_t j, ColumnStrip& strip) {
  const size_t tiles = (m + kBlockTileActs - 1) / kBlockTileActs;
  for (size_t t = 0; t < tiles; ++t) {
    const size_t i = m * t / tiles, acts = m * (t + 1) / tiles - i;
    ForEach<kBlockTileActs>([&](auto less) TAEL_INLINE_LAMBDA {
      if (acts == less + 1) {
        ColumnTile<less + 1>(a.x + i * a.ldx, a.ldx, strip, a.y + i * a.ldy + j, a.ldy);
      }
    });
  }
}

// All outputs that fill strips; returns how many those are. `take` brings the weights of those
// from j on into a strip.
template <class Take>
inline size_t ColumnStrips(const FloatProduct& a, size_t m, size_t n, const Take& take) {
  ColumnStrip strip;
  strip.groups = a.k / kLanes;
  size_t j = 0;
  for (; j + kColumns <= n; j += kColumns) {
    take(j, &strip);
    ColumnTiles(a, m, j, strip);
  }
  return j;
}

// Calls fn with the element type of plain weights.
template <class Fn>
inline size_t WithPlainElement(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::kF16:
      return fn(ElementF16());
    case DType::kBF16:
      return fn(ElementBF16());
    default:
      return fn(ElementF32());
  }
}

// KernelTable::matmul_float.
void MatmulFloatOrColumns(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                          size_t row_bytes, size_t n, size_t k, float* y, size_t ldy) noexcept {
  size_t done = 0;
  if (m >= kTurnedMinActs && k <= kTurnedMaxK && k % kLanes == 0 && k != 0) {
    const FloatProduct product{x, ldx, w, row_bytes, k, y, ldy};
    done = WithPlainElement(dtype, [&](auto element) {
      return ColumnStrips(product, m, n, [&](size_t j, ColumnStrip* strip) {
        TurnRows<decltype(element)>(w + j * row_bytes, row_bytes, strip);
      });
    });
  }
  if (done == n) return;
  MatmulFloatInBlocks(x, ldx, m, dtype, w + done * row_bytes, row_bytes, n - done, k, y + done,
                      ldy);
}

// KernelTable::matmul_transposed.
void MatmulTransposedOrColumns(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                               size_t row_bytes, size_t n, size_t k, float* y,
                               size_t ldy) noexcept {
  size_t done = 0, bytes = 0;
  if (m >= kColumnsMinActs && k <= kColumnsMaxK && k % kLanes == 0 && k != 0) {
    const FloatProduct product{x, ldx, w, row_bytes, k, y, ldy};
    done = WithPlainElement(dtype, [&](auto element) {
      using Element = decltype(element);
      bytes = Element::kBytes;
      return ColumnStrips(product, m, n, [&](size_t j, ColumnStrip* strip) {
        TakeColumns<Element>(w + j * Element::kBytes, row_bytes, strip);
      });
    });
  }
  if (done == n) return;
  MatmulTransposed(x, ldx, m, dtype, w + done * bytes, row_bytes, n - done, k, y + done, ldy);
}

}  // namespace
}  // namespace tael::TAEL_ISA
