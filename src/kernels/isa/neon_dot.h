// Products of bytes by SDOT (Armv8.2 dot product). Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Int i = acc[i] + sum of a[4i + e] * b[4i + e] for e < 4.
inline int32x4_t DotBytes(int32x4_t acc, int8x16_t a, int8x16_t b) { return vdotq_s32(acc, a, b); }

// The same with the four bytes b[4 * Group ..] for every i.
template <int Group>
inline int32x4_t DotGroup(int32x4_t acc, int8x16_t a, int8x16_t b) {
  return vdotq_laneq_s32(acc, a, b, Group);
}

}  // namespace
}  // namespace tael::TAEL_ISA
