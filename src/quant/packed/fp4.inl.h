// Decoder of 4-bit floats with one scale per group.
namespace tael::TAEL_ISA {
namespace {

// Twice the E2M1 value of a 4-bit code: integers, so that no subnormal float comes up on the way,
// and without branches.
inline int32_t DoubledE2M1(uint32_t code) noexcept {
  const uint32_t exponent = code >> 1 & 3u, normal = (exponent + 3u) >> 2;
  const uint32_t value = ((code & 1u) | normal << 1) << (exponent - normal);
  const uint32_t minus = code >> 3;
  return static_cast<int32_t>((value ^ (0u - minus)) + minus);
}

// `count` codes, an even number up to 32. Two simple loops, because compilers vectorise those.
inline void DecodeFp4Group(const uint8_t* __restrict bytes, int64_t count, float half_scale,
                           float* __restrict out) noexcept {
  uint8_t codes[32];
  for (int64_t b = 0; b < count / 2; ++b) {
    codes[2 * b] = bytes[b] & 15u;
    codes[2 * b + 1] = bytes[b] >> 4;
  }
  for (int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(DoubledE2M1(codes[i])) * half_scale;
  }
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
      const int64_t begin = g * m.group_size;
      DecodeFp4Group(codes + begin / 2, m.group_size, half_scale, values + begin);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
