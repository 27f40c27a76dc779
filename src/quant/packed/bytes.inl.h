// Decoder of one-byte codes: float8 and int8 with a grid of scales.
namespace tael::TAEL_ISA {
namespace {

// The same value as E4M3ToFloat, in bit operations that vectorise, without a subnormal on the way.
inline float E4M3Value(uint32_t bits) noexcept {
  const uint32_t magnitude = bits & 0x7fu;
  const float small = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-9f;
  const uint32_t normal = 0u - ((magnitude + 120u) >> 7);  // all ones from 8 on
  const uint32_t nan = 0u - ((magnitude + 1u) >> 7);       // all ones for 127
  const uint32_t value =
      (((magnitude << 20) + (120u << 23)) & normal) | (std::bit_cast<uint32_t>(small) & ~normal);
  return std::bit_cast<float>((bits & 0x80u) << 24 | (nan & 0x7fc00000u) | value);
}

template <DType kDType>
inline float ByteValue(uint8_t code) noexcept {
  if constexpr (kDType == DType::kI8) return static_cast<float>(static_cast<int8_t>(code));
  if constexpr (kDType == DType::kF8E5M2) return HalfToFloat(static_cast<uint16_t>(code << 8));
  return E4M3Value(code);
}

// out[i] = (codes[i] - zero) * scale
template <DType kDType>
inline void DecodeByteRun(const uint8_t* __restrict codes, int64_t count, float zero, float scale,
                          float* __restrict out) noexcept {
  for (int64_t i = 0; i < count; ++i) out[i] = (ByteValue<kDType>(codes[i]) - zero) * scale;
}

template <DType kDType>
inline void DecodeByteRows(const ByteCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const uint8_t* codes = m.codes + row * m.row_stride;
    const int64_t grid_row = m.GridStart(row);
    for (int64_t g = 0, at = 0; at < k; ++g, at += m.column_span) {
      const int64_t cell = grid_row + g;
      const float scale = LoadScale(m.scale_dtype, m.scales + cell * ScaleBytes(m.scale_dtype));
      const float zero =
          m.zeros == nullptr ? 0.0f : static_cast<float>(static_cast<int8_t>(m.zeros[cell]));
      const int64_t count = k - at < m.column_span ? k - at : m.column_span;
      DecodeByteRun<kDType>(codes + at, count, zero, scale, out + i * k + at);
    }
  }
}

void DecodeByteCodes(const ByteCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  switch (m.dtype) {
    case DType::kI8:
      return DecodeByteRows<DType::kI8>(m, k, rows, out);
    case DType::kF8E5M2:
      return DecodeByteRows<DType::kF8E5M2>(m, k, rows, out);
    default:
      return DecodeByteRows<DType::kF8E4M3>(m, k, rows, out);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
