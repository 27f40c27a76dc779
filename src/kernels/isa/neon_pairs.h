// Pairs of BF16 numbers (impl/matmul_bf16.inl.h) by NEON. Its mode that flushes denormals decides
// before rounding, x86 after it: so denormals are kept and flushed here. Included inside a table
// file only.
namespace tael::TAEL_ISA {
namespace {

struct FlushDenormals {
  FlushDenormals() {}
};

inline float32x4_t FlushFour(float32x4_t v) {
  const uint32x4_t bits = vreinterpretq_u32_f32(v);
  const uint32x4_t normal = vtstq_u32(bits, vdupq_n_u32(0x7f800000u));
  return vreinterpretq_f32_u32(vbslq_u32(normal, bits, vandq_u32(bits, vdupq_n_u32(0x80000000u))));
}
inline bool AnyLane(const uint32x4_t (&mask)[4]) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(mask[0], mask[1]), vorrq_u32(mask[2], mask[3]))) != 0;
}

// The number that may have been rounded up from below (FlushedFma() of kernels/flushed_float.h).
[[gnu::noinline]] inline F32x16 FlushedFmaByLanes(const F32x16& a, const F32x16& b,
                                                  const F32x16& c) {
  float x[kLanes], y[kLanes], z[kLanes];
  Store(a, x);
  Store(b, y);
  Store(c, z);
  for (size_t i = 0; i < kLanes; ++i) z[i] = tael::FlushedFma(x[i], y[i], z[i]);
  return Load(z);
}
inline F32x16 FlushedFma(const F32x16& a, const F32x16& b, const F32x16& c) {
  const F32x16 sum = Fma(a, b, c);
  uint32x4_t least[4];
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    least[i] = vceqq_f32(vabsq_f32(sum.part[i]), vdupq_n_f32(0x1p-126f));
  });
  if (AnyLane(least)) return FlushedFmaByLanes(a, b, c);
  return Map([](float32x4_t v) TAEL_INLINE_LAMBDA { return FlushFour(v); }, sum);
}
inline F32x16 FlushedAdd(const F32x16& a, const F32x16& b) {
  return Map([](float32x4_t v) TAEL_INLINE_LAMBDA { return FlushFour(v); }, Add(a, b));
}

// Sixteen pairs, and the first or the second elements of each as floats.
struct Pairs16 {
  uint32x4_t part[4];
};
inline Pairs16 LoadPairs(const uint32_t* p) {
  return {{vld1q_u32(p), vld1q_u32(p + 4), vld1q_u32(p + 8), vld1q_u32(p + 12)}};
}
inline Pairs16 SplatPair(const uint16_t* p) {
  uint32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  const uint32x4_t v = vdupq_n_u32(pair);
  return {{v, v, v, v}};
}
inline F32x16 FirstOfPairs(const Pairs16& pairs) {
  F32x16 out;
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    out.part[i] = FlushFour(vreinterpretq_f32_u32(vshlq_n_u32(pairs.part[i], 16)));
  });
  return out;
}
inline F32x16 SecondOfPairs(const Pairs16& pairs) {
  F32x16 out;
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    out.part[i] =
        FlushFour(vreinterpretq_f32_u32(vandq_u32(pairs.part[i], vdupq_n_u32(0xffff0000u))));
  });
  return out;
}

}  // namespace
}  // namespace tael::TAEL_ISA
