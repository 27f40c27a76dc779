// The BF16 product (numerics.md, 17), what its forms share: strips of sixteen weight rows as pairs
// of elements, the pairs of one place of all rows side by side, so that a lane is an output and
// each output has its own chains. A stretch of K of some strips is brought into that form in memory
// that stays in the first-level cache, and all activation rows pass over it. What the outputs have
// so far lies in y between two stretches.
namespace tael::TAEL_ISA {
namespace {

// Weight rows of a strip, pairs of a block, elements of a stretch.
inline constexpr size_t kPairRows = 16, kBlockPairs = kBf16Block / 2, kPairSpan = 256;

struct Bf16Product {
  const uint16_t* x;  // the copy of the rows that the form reads
  size_t ldx, m;
  const uint8_t* w;
  size_t row_bytes, k, n;
  float* y;
  size_t ldy;

  size_t k_padded() const { return PaddedToBf16Blocks(k); }
};

inline Bf16Product Bf16ProductOf(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n,
                                 float* y, size_t ldy) {
  return {x.data, x.stride, x.rows, w, row_bytes, x.k, n, y, ldy};
}

// Strips of a stretch: pair p of strip s is [p * Strips + s], a dword for each of its rows.
template <size_t Strips>
struct PairPanel {
  alignas(64) uint32_t pairs[kPairSpan / 2 * Strips][kPairRows];
};

// Elements [p, p + elements) of weight rows from `row` on, in Strips strips. Behind the last row
// there is the last one again, behind element k there are zeros.
template <size_t Strips>
inline void PackPairs(const Bf16Product& a, size_t row, size_t p, size_t elements,
                      PairPanel<Strips>* panel) {
  // What is packed next: these rows behind the stretch, or the rows of the next panel. A number:
  // there may be nothing.
  const size_t ahead =
      p + kPairSpan < a.k ? 2 * kPairSpan : Strips * kPairRows * a.row_bytes - 2 * p;
  for (size_t s = 0; s < Strips; ++s) {
    const uint8_t* rows[kPairRows];
    ForEach<kPairRows>([&](auto r) TAEL_INLINE_LAMBDA {
      const size_t j = row + s * kPairRows + r;
      rows[r] = a.w + (j < a.n ? j : a.n - 1) * a.row_bytes + 2 * p;
    });
    for (size_t e = 0; e < elements; e += kBf16Block) {
      ForEach<kPairRows>([&](auto r) TAEL_INLINE_LAMBDA {
        const uintptr_t line = reinterpret_cast<uintptr_t>(rows[r]) + ahead + 2 * e;
        __builtin_prefetch(reinterpret_cast<const void*>(line));
      });
      uint32_t(*out)[kPairRows] = &panel->pairs[e / 2 * Strips + s];
      if (a.k - p >= e + kBf16Block) {
        TransposePairs<Strips>(rows, 2 * e, out);
        continue;
      }
      alignas(64) uint8_t tails[kPairRows][2 * kBf16Block] = {};
      const uint8_t* copies[kPairRows];
      for (size_t r = 0; r < kPairRows; ++r) {
        std::memcpy(tails[r], rows[r] + 2 * e, 2 * (a.k - p - e));
        copies[r] = tails[r];
      }
      TransposePairs<Strips>(copies, 0, out);
    }
  }
}

// What activation rows do with a panel: outputs of all its strips and `count` of the rows.
struct PairPass {
  const uint16_t* x;  // the first activation row at the stretch's first element
  size_t ldx, elements;
  float* y;  // of the first row and strip
  size_t ldy, outputs;
  bool first;  // stretch: nothing is in y yet
};

// `Form`: kActs, and Tile<Strips, Acts>(panel, pass).
template <class Form, size_t Strips>
inline void MultiplyPanel(const Bf16Product& a, size_t row, PairPanel<Strips>* panel) {
  const size_t left = a.n - row, outputs = left < Strips * kPairRows ? left : Strips * kPairRows;
  for (size_t p = 0; p < a.k; p += kPairSpan) {
    const size_t rest = a.k_padded() - p, elements = rest < kPairSpan ? rest : kPairSpan;
    PackPairs<Strips>(a, row, p, elements, panel);
    for (size_t i = 0; i < a.m; i += Form::kActs) {
      const PairPass pass{
          a.x + i * a.ldx + p, a.ldx, elements, a.y + i * a.ldy + row, a.ldy, outputs, p == 0};
      ForEach<Form::kActs>([&](auto less) TAEL_INLINE_LAMBDA {
        const size_t acts = a.m - i < Form::kActs ? a.m - i : Form::kActs;
        if (acts == less + 1) Form::template Tile<Strips, less + 1>(*panel, pass);
      });
    }
  }
}

// What an output has so far.
inline F32x16 SumsSoFar(const PairPass& pass, size_t act, size_t strip) {
  if (pass.first) return Zero();
  const float* y = pass.y + act * pass.ldy + strip * kPairRows;
  const size_t left = pass.outputs - strip * kPairRows;
  return left >= kPairRows ? Load(y) : LoadPartial(y, left);
}
inline void KeepSums(const F32x16& sums, const PairPass& pass, size_t act, size_t strip) {
  float* y = pass.y + act * pass.ldy + strip * kPairRows;
  const size_t left = pass.outputs - strip * kPairRows;
  if (left >= kPairRows) return Store(sums, y);
  StorePartial(sums, y, left);
}

inline void ClearOutputs(const Bf16Product& a) {
  for (size_t i = 0; i < a.m; ++i) std::memset(a.y + i * a.ldy, 0, a.n * sizeof(float));
}

}  // namespace
}  // namespace tael::TAEL_ISA
