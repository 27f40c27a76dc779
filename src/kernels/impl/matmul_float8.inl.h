// Float matrix product (numerics.md, 3) with float8 codes (E4M3) that become numbers in registers:
// for a few activation rows, writing a tile of floats and reading it again takes longer than the
// memory needs for the codes. The order within an output is that of FloatTile(). Needs of the
// instruction set: Float8AsHalves().
namespace tael::TAEL_ISA {
namespace {

struct Float8Product {
  const float* x;
  size_t ldx;
  const ByteCodes& w;
  RowRange rows;
  size_t k;
  float* y;
  size_t ldy;

  int64_t row(size_t j) const { return rows.first + static_cast<int64_t>(j) * rows.step; }
};

// Sixteen codes as numbers, by way of binary16 with the bits of E4M3 in the place of its own: 2^-8
// times the values, exactly, subnormals included. The scale brings 2^8 back, so the product with it
// is rounded once. A NaN code gives no NaN, and a scale near the limits no number: `valid` tells.
struct QuickFloat8 {
  Bytes16 largest = {};  // of the codes without their signs, which are set; 255 is a NaN

  static bool Takes(float scale) { return scale < 0x1p119f && scale > -0x1p119f; }
  static F32x16 Factor(float scale) { return Splat(scale * 256.0f); }
  bool valid() const {
    uint8_t bytes[16];
    std::memcpy(bytes, &largest, sizeof(bytes));
    bool found = false;
    for (const uint8_t byte : bytes) found |= byte == 255;
    return !found;
  }
  F32x16 operator()(const uint8_t* codes, const F32x16& factor, float) {
    const Bytes16 c = LoadBytes16(codes), negative = c | 128;
    largest = negative > largest ? negative : largest;
    // Behind a byte of zeros and shifted by one the sign is at its place, and once more below.
    return Mul(Float8AsHalves(c), factor);
  }
};
// Any code and any scale.
struct AnyFloat8 {
  static bool Takes(float) { return true; }
  static F32x16 Factor(float) { return Zero(); }
  static bool valid() { return true; }
  F32x16 operator()(const uint8_t* codes, const F32x16&, float scale) {
    float values[16];
    DecodeByteRun<DType::kF8E4M3>(codes, 16, 0.0f, scale, values);
    return Load(values);
  }
};

// Outputs of `Rows` weight rows from j and `Acts` activation rows from i; false, and nothing
// written, where `Decoder` cannot tell the values.
template <class Decoder, size_t Rows, size_t Acts>
inline bool Float8Tile(const Float8Product& a, size_t i, size_t j) {
  F32x16 acc[Rows][Acts];
  const uint8_t* codes[Rows];
  const uint8_t* scales[Rows];
  const auto scale_bytes = static_cast<size_t>(ScaleBytes(a.w.scale_dtype));
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    codes[r] = a.w.codes + a.row(j + r) * a.w.row_stride;
    scales[r] = a.w.scales + static_cast<size_t>(a.w.GridStart(a.row(j + r))) * scale_bytes;
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[r][s] = Zero(); });
  });
  const float* x = a.x + i * a.ldx;
  const auto span = static_cast<size_t>(a.w.column_span);
  // Rows are not read one after the other, which processors do not foresee. A number: there may be
  // nothing behind the last tile.
  const auto row_bytes = static_cast<uintptr_t>(a.rows.step * a.w.row_stride);
  const uintptr_t next = reinterpret_cast<uintptr_t>(codes[0]) + Rows * row_bytes;
  Decoder decode;
  for (size_t p = 0, g = 0; p < a.k; ++g) {
    const size_t end = a.k - p < span ? a.k : p + span;
    float scale[Rows];
    F32x16 factor[Rows];
    bool taken = true;
    ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
      scale[r] = LoadScale(a.w.scale_dtype, scales[r] + g * scale_bytes);
      factor[r] = Decoder::Factor(scale[r]);
      taken = taken && Decoder::Takes(scale[r]);
    });
    if (!taken) return false;
    for (; p < end; p += kLanes) {
      if (p % 64 == 0) {  // a cache line of each row of the next tile
        ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
          __builtin_prefetch(reinterpret_cast<const void*>(next + r * row_bytes + p));
        });
      }
      ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
        const F32x16 weights = decode(codes[r] + p, factor[r], scale[r]);
        ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
          acc[r][s] = Fma(weights, Load(x + s * a.ldx + p), acc[r][s]);
        });
      });
    }
  }
  if (!decode.valid()) return false;
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA {
    ForEach<Acts>([&](auto s)
                      TAEL_INLINE_LAMBDA { a.y[(i + s) * a.ldy + j + r] = ReduceAdd(acc[r][s]); });
  });
  return true;
}

template <size_t Rows, size_t Acts>
inline void Float8Strip(const Float8Product& a, size_t i) {
  const auto n = static_cast<size_t>(a.rows.count);
  for (size_t j = 0; j < n;) {
    if (j + Rows <= n && Float8Tile<QuickFloat8, Rows, Acts>(a, i, j)) {
      j += Rows;
    } else {  // row by row: the end, or one of them needs care
      const size_t end = n - j < Rows ? n : j + Rows;
      for (; j < end; ++j) {
        if (!Float8Tile<QuickFloat8, 1, Acts>(a, i, j)) Float8Tile<AnyFloat8, 1, Acts>(a, i, j);
      }
    }
  }
}

void MatmulFloat8(const float* x, size_t ldx, size_t m, const ByteCodes& w, RowRange rows, size_t k,
                  float* y, size_t ldy) noexcept {
  const Float8Product product{x, ldx, w, rows, k, y, ldy};
  size_t i = 0;
  for (; i + 3 <= m; i += 3) Float8Strip<2, 3>(product, i);
  if (m - i == 2) Float8Strip<2, 2>(product, i);
  if (m - i == 1) Float8Strip<4, 1>(product, i);
}

}  // namespace
}  // namespace tael::TAEL_ISA
