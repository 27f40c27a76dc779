// Integer products of keys with 8-bit queries (impl/attention_codes.inl.h) on NEON. Included inside
// a table file, after DotBytes().
namespace tael::TAEL_ISA {
namespace {

// Sets of 16 keys that [1], [2], ... queries are multiplied by side by side.
inline constexpr size_t kKeySets[] = {0, 1, 1, 1};

// Four elements of sixteen keys.
struct KeyQuads {
  int8x16_t part[4];
};
// Their products with a query, a lane for each key.
struct KeySums {
  int32x4_t part[4];
};

// The 32 elements at `offset` of sixteen keys: eight times four elements of each.
inline void PackKeys(const uint8_t* const (&keys)[kLanes], size_t offset, uint8_t* out) {
  for (size_t i = 0; i < 8; ++i) {
    for (const uint8_t* key : keys) {
      std::memcpy(out, key + offset + 4 * i, 4);
      out += 4;
    }
  }
}
inline KeyQuads LoadKeyQuads(const uint8_t* p) {
  const int8_t* q = reinterpret_cast<const int8_t*>(p);
  return {{vld1q_s8(q), vld1q_s8(q + 16), vld1q_s8(q + 32), vld1q_s8(q + 48)}};
}
inline KeySums StartKeySums(int32_t /*sum*/) {
  const int32x4_t zero = vdupq_n_s32(0);
  return {{zero, zero, zero, zero}};
}
inline KeySums AddKeyQuads(KeySums sums, const KeyQuads& keys, int8x16_t query) {
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    sums.part[i] = DotBytes(sums.part[i], keys.part[i], query);
  });
  return sums;
}
inline int8x16_t LoadQueryQuad(const int8_t* q) {
  int32_t four;
  std::memcpy(&four, q, sizeof(four));
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}
inline F32x16 ToFloats(const KeySums& v) {
  return {{vcvtq_f32_s32(v.part[0]), vcvtq_f32_s32(v.part[1]), vcvtq_f32_s32(v.part[2]),
           vcvtq_f32_s32(v.part[3])}};
}

}  // namespace
}  // namespace tael::TAEL_ISA
