// Primitives of the measuring loops (impl/probe.inl.h) on NEON, with the byte product of
// neon_dot.h or neon_base.h. Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

using ReadVector = uint8x16_t;
inline ReadVector LoadRead(const uint8_t* p) { return vld1q_u8(p); }
inline ReadVector XorRead(ReadVector a, ReadVector b) { return veorq_u8(a, b); }
inline uint64_t FoldRead(ReadVector v) {
  const uint64x2_t words = vreinterpretq_u64_u8(v);
  return vgetq_lane_u64(words, 0) ^ vgetq_lane_u64(words, 1);
}

// 24 of the 32 registers are sums.
inline constexpr size_t kFmaChains = 6;

// Each takes 64 bytes per round, in four registers.
inline constexpr size_t kProbeSums = 16;
using ProbeSum = int32x4_t;
inline constexpr int kProbeFactor = 3;

inline ProbeSum AddByteProducts(ProbeSum sum, const uint8_t* w) {
  const int8x16_t q = vdupq_n_s8(kProbeFactor);
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    sum = DotBytes(sum, vreinterpretq_s8_u8(vld1q_u8(w + 16 * i)), q);
  });
  return sum;
}
inline ProbeSum AddSmallByteProducts(ProbeSum sum, const uint8_t* w) {
  return AddByteProducts(sum, w);
}
inline uint32_t FoldSum(ProbeSum sum) { return static_cast<uint32_t>(vaddvq_s32(sum)); }

}  // namespace
}  // namespace tael::TAEL_ISA
