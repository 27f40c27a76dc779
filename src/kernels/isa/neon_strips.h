// Vectors of strips, whose rows are interleaved by eight (quant/interleave.h), on NEON: a pair of
// registers holds the same four bytes of eight rows, a lane each. Included inside a table file
// only.
namespace tael::TAEL_ISA {
namespace {

struct Quad8 {
  uint8x16_t lo, hi;  // rows 0-3, 4-7
};

// fn of both halves.
template <class Fn>
inline Quad8 MapHalves(const Quad8& v, const Fn& fn) {
  return {fn(v.lo), fn(v.hi)};
}

// A block of a strip: the words and the odd bytes of eight rows.
struct StripBlock {
  const uint8_t *words, *odd;
  Quad8 Word(size_t i) const { return {vld1q_u8(words + 32 * i), vld1q_u8(words + 32 * i + 16)}; }
};

struct StripScales {
  Floats8 d, dm;
};

inline Floats8 HalvesToFloats(uint16x4_t lo, uint16x4_t hi) {
  return {vcvt_f32_f16(vreinterpret_f16_u16(lo)), vcvt_f32_f16(vreinterpret_f16_u16(hi))};
}
// The words (low, high) of each lane as binary16 numbers.
inline StripScales HalvesOfLanes(const Quad8& v) {
  const uint32x4_t lo = vreinterpretq_u32_u8(v.lo), hi = vreinterpretq_u32_u8(v.hi);
  return {HalvesToFloats(vmovn_u32(lo), vmovn_u32(hi)),
          HalvesToFloats(vshrn_n_u32(lo, 16), vshrn_n_u32(hi, 16))};
}

// Bits of each byte moved and masked, as MovedBits.
inline Quad8 MovedBits(const Quad8& v, int count, uint8_t mask) {
  return MapHalves(v, [&](uint8x16_t half) { return MovedBits(half, count, mask); });
}
inline Quad8 Nibble(const Quad8& v, bool high) {
  return MapHalves(v,
                   [&](uint8x16_t half) { return high ? vshrq_n_u8(half, 4) : LowNibbles(half); });
}
inline Quad8 OrBits(const Quad8& a, const Quad8& b) {
  return {vorrq_u8(a.lo, b.lo), vorrq_u8(a.hi, b.hi)};
}
inline Quad8 MinusEach(const Quad8& v, uint8_t offset) {
  return MapHalves(v, [&](uint8x16_t half) { return vsubq_u8(half, vdupq_n_u8(offset)); });
}
inline Quad8 LookUp(const int8_t (&table)[16], const Quad8& index) {
  const uint8x16_t bytes = vreinterpretq_u8_s8(vld1q_s8(table));
  return MapHalves(index, [&](uint8x16_t half) { return vqtbl1q_u8(bytes, half); });
}
// 16 where bit 4G + i of each lane is set.
template <size_t G>
inline Quad8 FifthBitsOfLanes(const Quad8& bits) {
  constexpr uint8_t kByte = G / 2;
  const uint8_t from[16] = {kByte,      kByte,      kByte,      kByte,     kByte + 4, kByte + 4,
                            kByte + 4,  kByte + 4,  kByte + 8,  kByte + 8, kByte + 8, kByte + 8,
                            kByte + 12, kByte + 12, kByte + 12, kByte + 12};
  const uint8x16_t bit = vreinterpretq_u8_u32(vdupq_n_u32(G % 2 == 0 ? 0x08040201u : 0x80402010u));
  return MapHalves(bits, [&](uint8x16_t half) {
    const uint8x16_t spread = vqtbl1q_u8(half, vld1q_u8(from));
    return vandq_u8(vtstq_u8(spread, bit), vdupq_n_u8(16));
  });
}

// Byte J of each lane as an int; with its sign.
template <int J>
inline Ints8 ByteOfLanes(const Quad8& v) {
  const auto byte = [](uint8x16_t half) {
    const uint32x4_t top = vshlq_n_u32(vreinterpretq_u32_u8(half), 24 - 8 * J);
    return vreinterpretq_s32_u32(vshrq_n_u32(top, 24));
  };
  return {byte(v.lo), byte(v.hi)};
}
template <int J>
inline Ints8 SignedByteOfLanes(const Quad8& v) {
  const auto byte = [](uint8x16_t half) {
    return vshrq_n_s32(vshlq_n_s32(vreinterpretq_s32_u8(half), 24 - 8 * J), 24);
  };
  return {byte(v.lo), byte(v.hi)};
}
inline int16x8_t WordsOf(const Ints8& v) { return vcombine_s16(vmovn_s32(v.lo), vmovn_s32(v.hi)); }

// Sub-scales and minima of eight rows, by run.
struct StripRuns {
  Ints8* subscale;
  int16x8_t* minimum;
};
// Four of each from the bytes of the lanes.
inline void PutSubscales(const Quad8& bytes, size_t first, const StripRuns& runs) {
  ForEach<4>([&](auto j) TAEL_INLINE_LAMBDA { runs.subscale[first + j] = ByteOfLanes<j>(bytes); });
}
inline void PutSignedSubscales(const Quad8& bytes, size_t first, const StripRuns& runs) {
  ForEach<4>([&](auto j)
                 TAEL_INLINE_LAMBDA { runs.subscale[first + j] = SignedByteOfLanes<j>(bytes); });
}
inline void PutMinima(const Quad8& bytes, size_t first, const StripRuns& runs) {
  ForEach<4>([&](auto j)
                 TAEL_INLINE_LAMBDA { runs.minimum[first + j] = WordsOf(ByteOfLanes<j>(bytes)); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
