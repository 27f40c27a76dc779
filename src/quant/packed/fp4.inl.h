// Decoder of 4-bit floats with one scale per group.
namespace tael::TAEL_ISA {
namespace {

// Twice the E2M1 value of a 4-bit code: integers, so that no subnormal float comes up on the way.
inline int32_t DoubledE2M1(uint32_t code) noexcept {
  const uint32_t magnitude = code & 7u;
  const uint32_t shift = (magnitude >> 1) - (magnitude >= 4u ? 1u : magnitude >> 1);
  const uint32_t mantissa = magnitude >= 4u ? 2u | (magnitude & 1u) : magnitude;
  const auto value = static_cast<int32_t>(mantissa << shift);
  return (code & 8u) != 0 ? -value : value;
}

inline void DecodeFp4Byte(uint8_t byte, float half_scale, float* out) noexcept {
  out[0] = static_cast<float>(DoubledE2M1(byte & 15u)) * half_scale;
  out[1] = static_cast<float>(DoubledE2M1(byte >> 4)) * half_scale;
}

// Half the scale of group `g`: exact, but for quotients below the normal range.
inline float HalfFp4Scale(const Fp4Codes& m, const uint8_t* scales, int64_t g,
                          float divisor) noexcept {
  if (m.scale_dtype == DType::kF8E8M0) {
    return scales[g] == 255 ? E8M0ToFloat(255) : HalvedE8M0(scales[g]);
  }
  return E4M3ToFloat(scales[g]) / divisor * 0.5f;
}

void DecodeFp4Codes(const Fp4Codes& m, int64_t k, RowRange rows, float* out) noexcept {
  const float divisor = m.divisor == nullptr ? 1.0f : std::bit_cast<float>(LoadWord(m.divisor));
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const uint8_t* codes = m.codes + row * m.row_stride;
    const uint8_t* scales = m.scales + row * m.scale_row_stride;
    float* values = out + i * k;
    for (int64_t g = 0; g * m.group_size < k; ++g) {
      const float half_scale = HalfFp4Scale(m, scales, g, divisor);
      for (int64_t j = 0; j < m.group_size; j += 16) {
        const int64_t at = g * m.group_size + j;
        for (int64_t b = 0; b < 8; ++b) {
          DecodeFp4Byte(codes[at / 2 + b], half_scale, values + at + 2 * b);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
