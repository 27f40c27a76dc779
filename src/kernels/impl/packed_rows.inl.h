// Rows of packed matrices in float32, in vectors: the values of quant/packed/*.inl.h. Integers with
// one scale per 32 inputs come as code blocks; float8 goes by way of binary16, whose conversion
// every instruction set has.
namespace tael::TAEL_ISA {
namespace {

inline F32x16 ToFloats16(Bytes16 w) noexcept {
  uint8_t bytes[16];
  std::memcpy(bytes, &w, sizeof(w));
  return LoadInt8(bytes);
}
// Turns code blocks into floats: d * w, rounded once.
struct FloatsOfBlock {
  float* out;
  int64_t k;
  void operator()(int64_t i, int64_t b, float d, Bytes16 low, Bytes16 high) const noexcept {
    float* to = out + i * k + b * kBlockInputs;
    Store(Mul(ToFloats16(low), Splat(d)), to);
    Store(Mul(ToFloats16(high), Splat(d)), to + kLanes);
  }
};
// The same where block b holds 16 inputs, in its first or its second half.
struct FloatsOfHalfBlock {
  float* out;
  int64_t k;
  void operator()(int64_t i, int64_t b, float d, Bytes16 low, Bytes16 high) const noexcept {
    Store(Mul(ToFloats16(b % 2 == 0 ? low : high), Splat(d)), out + i * k + b * 16);
  }
};

// The binary16 numbers with the bits of E4M3 numbers in the place of theirs: 2^-8 times the values,
// exactly, subnormals included. 127, a NaN, becomes one of binary16.
constexpr int64_t kHalvesTogether = 64;
inline void HalvesOfE4M3(const uint8_t* __restrict codes, uint16_t* __restrict halves) noexcept {
  for (int64_t i = 0; i < kHalvesTogether; ++i) {
    const auto upper = static_cast<int16_t>(static_cast<uint16_t>(codes[i] << 8));
    const auto moved = static_cast<uint16_t>(upper >> 1);
    const auto nan = static_cast<uint16_t>((codes[i] & 0x7f) == 0x7f ? 0x7fff : 0);
    halves[i] = static_cast<uint16_t>((moved & 0xbfff) | nan);
  }
}

inline void E4M3Run(const uint8_t* codes, int64_t count, float scale, float* out) noexcept {
  int64_t at = 0;
  // 2^8 times the scale must be a number, which it is not for one near the limits.
  if (scale < 0x1p119f && scale > -0x1p119f) {
    const F32x16 factor = Splat(scale * 256.0f);
    for (; at + kHalvesTogether <= count; at += kHalvesTogether) {
      uint16_t halves[kHalvesTogether];
      HalvesOfE4M3(codes + at, halves);
      const auto* bytes = reinterpret_cast<const uint8_t*>(halves);
      ForEach<kHalvesTogether / kLanes>([&](auto g) TAEL_INLINE_LAMBDA {
        const F32x16 values = LoadAs<ElementF16>(bytes + g * kLanes * sizeof(uint16_t));
        Store(Mul(values, factor), out + at + g * kLanes);
      });
    }
  }
  DecodeByteRun<DType::kF8E4M3>(codes + at, count - at, 0.0f, scale, out + at);
}

void ByteCodeRows(const ByteCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  if (m.dtype != DType::kF8E4M3 || m.zeros != nullptr) return DecodeByteCodes(m, k, rows, out);
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const uint8_t* codes = m.codes + row * m.row_stride;
    const int64_t grid_row = m.GridStart(row);
    for (int64_t g = 0, at = 0; at < k; ++g, at += m.column_span) {
      const uint8_t* scale = m.scales + (grid_row + g) * ScaleBytes(m.scale_dtype);
      const int64_t count = k - at < m.column_span ? k - at : m.column_span;
      E4M3Run(codes + at, count, LoadScale(m.scale_dtype, scale), out + i * k + at);
    }
  }
}

// Whether inputs that share a block share a scale.
inline bool InBlocks(int64_t group_size, int64_t k) noexcept {
  return k % kBlockInputs == 0 && (group_size >= k || group_size % kBlockInputs == 0);
}

void WordCodeRows(const WordCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  const FloatsOfBlock sink{out, k};
  // With 8 bits and zero points, differences do not fit a block.
  const bool small = m.bits == 4 || m.bits == 2 || m.zeros == nullptr;
  if (m.group_index != nullptr || !InBlocks(m.group_size, k) || !small) {
    return DecodeWordCodes(m, k, rows, out);
  }
  if (m.bits == 2) return EachWordBlock<2>(m, k, rows, sink);
  if (m.bits == 4) return EachWordBlock<4>(m, k, rows, sink);
  return EachWordBlock<8>(m, k, rows, sink);
}

void AcrossCodeRows(const AcrossCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  if (!InBlocks(m.group_size, k)) return DecodeAcrossCodes(m, k, rows, out);
  EachAcrossBlock(m, k, rows, FloatsOfBlock{out, k});
}

void Fp4CodeRows(const Fp4Codes& m, int64_t k, RowRange rows, float* out) noexcept {
  if (m.group_size == 32) return EachFp4Block(m, k, rows, FloatsOfBlock{out, k});
  if (m.group_size == 16) return EachFp4Block(m, k, rows, FloatsOfHalfBlock{out, k});
  DecodeFp4Codes(m, k, rows, out);
}

}  // namespace
}  // namespace tael::TAEL_ISA
