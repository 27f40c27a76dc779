// Float matrix product with a weight that is stored by columns: row p of it holds element p of
// every output's weights. Each output is the same lane dot product as with rows (numerics.md, 3):
// lane l sums the elements p with p mod 16 = l, here for 16 outputs side by side, and the lanes are
// added by the same tree.
namespace tael::TAEL_ISA {
namespace {

// 16 elements from p on, or the first `count` where there are fewer.
template <class Element, bool kWhole>
[[gnu::always_inline]] inline F32x16 LoadColumns(const uint8_t* p, size_t count) {
  if constexpr (kWhole) {
    return LoadAs<Element>(p);
  } else {
    return LoadPartialAs<Element>(p, count);
  }
}

// Lanes [first, first + 4) of outputs [j, j + count) for `Acts` activation rows from i.
template <class Element, bool kWhole, size_t Acts>
inline void TransposedLanes(const FloatProduct& a, size_t i, size_t j, size_t count, size_t first,
                            F32x16 (*lanes)[kLanes]) {
  F32x16 acc[4][Acts];
  ForEach<4>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[r][s] = Zero(); });
  });
  const float* x = a.x + i * a.ldx;
  const uint8_t* w = a.w + j * Element::kBytes;
  for (size_t p = first; p - first < a.k; p += kLanes) {
    ForEach<4>([&](auto r) TAEL_INLINE_LAMBDA {
      const bool filled = p + r >= a.k;  // the last partial group is filled up with zeros
      const F32x16 weights =
          filled ? Zero() : LoadColumns<Element, kWhole>(w + (p + r) * a.row_bytes, count);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
        acc[r][s] = Fma(weights, Splat(filled ? 0.0f : x[s * a.ldx + p + r]), acc[r][s]);
      });
    });
  }
  ForEach<4>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { lanes[s][first + r] = acc[r][s]; });
  });
}

// numerics.md, 2: the tree, for 16 sums at once.
inline F32x16 AddLanes(const F32x16* lanes) {
  F32x16 t[8];
  for (size_t l = 0; l < 8; ++l) t[l] = Add(lanes[l], lanes[l + 8]);
  for (size_t l = 0; l < 4; ++l) t[l] = Add(t[l], t[l + 4]);
  return Add(Add(t[0], t[2]), Add(t[1], t[3]));
}

template <class Element, bool kWhole, size_t Acts>
inline void TransposedTile(const FloatProduct& a, size_t i, size_t j, size_t count) {
  F32x16 lanes[Acts][kLanes];
  for (size_t first = 0; first < kLanes; first += 4) {
    TransposedLanes<Element, kWhole, Acts>(a, i, j, count, first, lanes);
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    const F32x16 sum = AddLanes(lanes[s]);
    float* y = a.y + (i + s) * a.ldy + j;
    if constexpr (kWhole) {
      Store(sum, y);
    } else {
      StorePartial(sum, y, count);
    }
  });
}

// Columns [j, j + count) stay in the first-level cache while all activations pass.
template <class Element, bool kWhole>
inline void TransposedStrip(const FloatProduct& a, size_t m, size_t j, size_t count) {
  size_t i = 0;
  for (; i + 2 <= m; i += 2) TransposedTile<Element, kWhole, 2>(a, i, j, count);
  if (i < m) TransposedTile<Element, kWhole, 1>(a, i, j, count);
}

template <class Element>
inline void TransposedMatmul(const FloatProduct& a, size_t m, size_t n) {
  size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) TransposedStrip<Element, true>(a, m, j, kLanes);
  if (j < n) TransposedStrip<Element, false>(a, m, j, n - j);
}

void MatmulTransposed(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                      size_t row_bytes, size_t n, size_t k, float* y, size_t ldy) noexcept {
  const FloatProduct product{x, ldx, w, row_bytes, k, y, ldy};
  switch (dtype) {
    case DType::kF16:
      TransposedMatmul<ElementF16>(product, m, n);
      break;
    case DType::kBF16:
      TransposedMatmul<ElementBF16>(product, m, n);
      break;
    default:
      TransposedMatmul<ElementF32>(product, m, n);
      break;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
