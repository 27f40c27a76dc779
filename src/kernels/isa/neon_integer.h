// Integer primitives on NEON beside the byte products of neon_dot.h and neon_base.h. Lanes of Ints8
// and Floats8 stand for eight weight rows. Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

struct Ints8 {
  int32x4_t lo, hi;  // rows 0-3, 4-7
};
struct Floats8 {
  float32x4_t lo, hi;
};

inline constexpr size_t kRowTile = 8;  // weight rows computed side by side
using RowPointers = const uint8_t* const[kRowTile];

inline int32x4_t ZeroInts4() { return vdupq_n_s32(0); }
inline Ints8 SplatInts(int32_t value) { return {vdupq_n_s32(value), vdupq_n_s32(value)}; }
inline Floats8 ZeroFloats() { return {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}; }
inline Floats8 LoadFloats(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
inline Floats8 AddFloats(const Floats8& a, const Floats8& b) {
  return {vaddq_f32(a.lo, b.lo), vaddq_f32(a.hi, b.hi)};
}
inline Floats8 NegateFloats(const Floats8& v) { return {vnegq_f32(v.lo), vnegq_f32(v.hi)}; }
inline void StoreFloats(const Floats8& v, float* p, size_t count) {
  float group[kRowTile];
  float* to = count < kRowTile ? group : p;
  vst1q_f32(to, v.lo);
  vst1q_f32(to + 4, v.hi);
  if (count < kRowTile) std::memcpy(p, group, count * sizeof(float));
}

// One block's step of a float chain (numerics.md, 5). Conversion rounds to nearest even.
inline Floats8 Step(const Ints8& sum, const Floats8& scale, float da, const Floats8& chain) {
  return {vfmaq_f32(chain.lo, vcvtq_f32_s32(sum.lo), vmulq_n_f32(scale.lo, da)),
          vfmaq_f32(chain.hi, vcvtq_f32_s32(sum.hi), vmulq_n_f32(scale.hi, da))};
}

// Lane r = sum of the four ints of v[r].
inline Ints8 SumEach(const int32x4_t (&v)[kRowTile]) {
  return {vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3])),
          vpaddq_s32(vpaddq_s32(v[4], v[5]), vpaddq_s32(v[6], v[7]))};
}

// acc + dot * (word Index of `words`).
template <size_t Index>
inline int32x4_t AddScaled(int32x4_t acc, int32x4_t dot, int16x8_t words) {
  const int32x4_t wide = Index < 4 ? vmovl_s16(vget_low_s16(words)) : vmovl_high_s16(words);
  return vmlaq_laneq_s32(acc, dot, wide, Index % 4);
}

// out[g] int r = v[r] int g: groups of four bytes of four rows side by side.
inline void TransposeInts(const int8x16_t (&v)[4], int8x16_t (&out)[4]) {
  const int32x4_t v0 = vreinterpretq_s32_s8(v[0]), v1 = vreinterpretq_s32_s8(v[1]);
  const int32x4_t v2 = vreinterpretq_s32_s8(v[2]), v3 = vreinterpretq_s32_s8(v[3]);
  const int32x4_t a = vzip1q_s32(v0, v2), b = vzip1q_s32(v1, v3);
  const int32x4_t c = vzip2q_s32(v0, v2), d = vzip2q_s32(v1, v3);
  out[0] = vreinterpretq_s8_s32(vzip1q_s32(a, b));
  out[1] = vreinterpretq_s8_s32(vzip2q_s32(a, b));
  out[2] = vreinterpretq_s8_s32(vzip1q_s32(c, d));
  out[3] = vreinterpretq_s8_s32(vzip2q_s32(c, d));
}

// v[c] word r = v[r] word c, by three rounds of interleaving rows that are half the table apart.
inline void TransposeWords(int16x8_t (&v)[8]) {
  ForEach<3>([&](auto) TAEL_INLINE_LAMBDA {
    int16x8_t t[8];
    ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
      t[2 * i] = vzip1q_s16(v[i], v[i + 4]);
      t[2 * i + 1] = vzip2q_s16(v[i], v[i + 4]);
    });
    ForEach<8>([&](auto i) TAEL_INLINE_LAMBDA { v[i] = t[i]; });
  });
}

// The floats at rows[r] + offset.
inline Floats8 GatherFloats(RowPointers& rows, size_t offset) {
  float d[kRowTile];
  ForEach<kRowTile>(
      [&](auto r) TAEL_INLINE_LAMBDA { std::memcpy(&d[r], rows[r] + offset, sizeof(float)); });
  return LoadFloats(d);
}
// The binary16 numbers at rows[r] + offset, as floats.
inline Floats8 GatherHalves(RowPointers& rows, size_t offset) {
  uint8_t h[2 * kRowTile];
  ForEach<kRowTile>([&](auto r)
                        TAEL_INLINE_LAMBDA { std::memcpy(h + 2 * r, rows[r] + offset, 2); });
  const float16x8_t v = vreinterpretq_f16_u8(vld1q_u8(h));
  return {vcvt_f32_f16(vget_low_f16(v)), vcvt_high_f32_f16(v)};
}

inline float32x4_t HalvedE8M0x4(uint32x4_t e) {
  const uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
  const uint32x4_t tiny = vshlq_u32(vdupq_n_u32(0x200000), vreinterpretq_s32_u32(e));  // e < 2
  return vreinterpretq_f32_u32(vbslq_u32(vcltq_u32(e, vdupq_n_u32(2)), tiny, normal));
}
// 2^(e - 128) for the bytes e at rows[r] + offset.
inline Floats8 GatherHalvedE8M0(RowPointers& rows, size_t offset) {
  uint8_t e[kRowTile];
  ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA { e[r] = rows[r][offset]; });
  const uint16x8_t wide = vmovl_u8(vld1_u8(e));
  return {HalvedE8M0x4(vmovl_u16(vget_low_u16(wide))), HalvedE8M0x4(vmovl_high_u16(wide))};
}

}  // namespace
}  // namespace tael::TAEL_ISA
