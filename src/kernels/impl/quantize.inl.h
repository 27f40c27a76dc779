// Activations to 8 bits (numerics.md, 4), with the sums that formats with minima need.
namespace tael::TAEL_ISA {
namespace {

// Elements from p on, zero-filled beyond `count`.
inline F32x16 LoadUpTo(const float* p, size_t count) {
  return count >= kLanes ? Load(p) : LoadPartial(p, count);
}

// One block: `count` <= block elements of x exist. Returns the scale.
inline float QuantizeBlock(const float* x, size_t count, size_t block, int8_t* q, int16_t* sums) {
  MagnitudeBits magnitude = NoMagnitude();
  for (size_t i = 0; i < count; i += kLanes) Include(LoadUpTo(x + i, count - i), &magnitude);
  const uint32_t bits = Largest(magnitude);
  const float amax = std::bit_cast<float>(bits);
  const bool finite = bits < 0x7f800000u;
  if (!finite || amax < 0x1p-100f) {
    std::memset(q, 0, block);
    std::memset(sums, 0, block / kLanes * sizeof(int16_t));
    return finite ? 0.0f : std::bit_cast<float>(0x7fc00000u);
  }
  const F32x16 inverse = Splat(127.0f / amax);
  for (size_t i = 0; i < block; i += kLanes) {
    const F32x16 v = i < count ? LoadUpTo(x + i, count - i) : Zero();
    sums[i / kLanes] = StoreRounded(Mul(v, inverse), q + i);
  }
  return amax / 127.0f;
}

inline void QuantizeRows(const float* x, size_t ldx, size_t m, QuantizedRows* out) noexcept {
  const size_t block = out->block, blocks = out->k_padded / block;
  for (size_t i = 0; i < m; ++i) {
    for (size_t b = 0; b < blocks; ++b) {
      const size_t at = b * block, left = out->k > at ? out->k - at : 0;
      const size_t element = i * out->k_padded + at;
      out->scales[i * blocks + b] =
          QuantizeBlock(x + i * ldx + at, left < block ? left : block, block, out->q + element,
                        out->sums + element / kLanes);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
