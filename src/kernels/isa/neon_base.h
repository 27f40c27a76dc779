// Products of bytes on processors without SDOT: two widening products and two pairwise sums.
// Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

// Int i = acc[i] + sum of a[4i + e] * b[4i + e] for e < 4. REQUIRES: |a| <= 128, |b| <= 127, so
// that a sum of two products, at most 32512, fits 16 bits.
inline int32x4_t DotBytes(int32x4_t acc, int8x16_t a, int8x16_t b) {
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  const int16x8_t high = vmull_high_s8(a, b);
  return vpadalq_s16(acc, vpaddq_s16(low, high));
}

// The same with the four bytes b[4 * Group ..] for every i.
template <int Group>
inline int32x4_t DotGroup(int32x4_t acc, int8x16_t a, int8x16_t b) {
  return DotBytes(acc, a, vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(b), Group)));
}

}  // namespace
}  // namespace tael::TAEL_ISA
