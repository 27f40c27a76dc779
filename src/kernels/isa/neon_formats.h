// The integer forms of the common block formats, unpacked in registers. Every struct here gives the
// integers of UnpackIntegerBlock (quant/integer_form.h). Members of a format:
//   Block, kSize    the stored block and its elements (32 or 256)
//   kRun            elements that share a sub-scale and a minimum (16 or 32; kSize 256 only)
//   kMinimum        the format has minima
//   Prepare         called once per block of eight rows, before the others
//   Weights         the weights of row r, 16 per register, natural order
//   Runs            sub-scales and minima in natural order (kSize 256 only)
//   Scales, MinimumScales   d and dm of eight rows
// Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

// Up to 16 words each; the second register is used where kRun is 16.
struct RunScales {
  int16x8_t subscale[2], minimum[2];
};

inline uint8x16_t LowNibbles(uint8x16_t bytes) { return vandq_u8(bytes, vdupq_n_u8(15)); }
inline int8x16_t Minus(uint8x16_t v, uint8_t offset) {
  return vreinterpretq_s8_u8(vsubq_u8(v, vdupq_n_u8(offset)));
}
// 32 weights stored as nibbles: low ones of 16 bytes, then the high ones.
inline void Nibbles(const uint8_t* qs, uint8x16_t (&q)[2]) {
  const uint8x16_t bytes = vld1q_u8(qs);
  q[0] = LowNibbles(bytes);
  q[1] = vshrq_n_u8(bytes, 4);
}
inline void NibblesMinus(const uint8_t* qs, uint8_t offset, int8x16_t* w) {
  uint8x16_t q[2];
  Nibbles(qs, q);
  ForEach<2>([&](auto i) TAEL_INLINE_LAMBDA { w[i] = Minus(q[i], offset); });
}
inline void NibblesLookedUp(const int8_t (&table)[16], const uint8_t* qs, int8x16_t* w) {
  uint8x16_t q[2];
  Nibbles(qs, q);
  ForEach<2>([&](auto i) TAEL_INLINE_LAMBDA { w[i] = vqtbl1q_s8(vld1q_s8(table), q[i]); });
}
// Byte i = 16 if bit i of the 16 bits at p is set.
inline uint8x16_t FifthBits(const uint8_t* p) {
  const uint8x16_t spread = vcombine_u8(vdup_n_u8(p[0]), vdup_n_u8(p[1]));
  const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
  return vandq_u8(vtstq_u8(spread, bit), vdupq_n_u8(16));
}
// The bits of every byte moved up (down if `count` is negative), others than those of `mask`
// cleared.
inline uint8x16_t MovedBits(uint8x16_t bytes, int count, uint8_t mask) {
  return vandq_u8(vshlq_u8(bytes, vdupq_n_s8(static_cast<int8_t>(count))), vdupq_n_u8(mask));
}

// What all formats of 32 elements share.
template <class BlockType>
struct SmallFormat {
  using Block = BlockType;
  static constexpr size_t kSize = 32, kRun = 32;
  static constexpr bool kMinimum = false;
  void Prepare(RowPointers&, size_t) const {}
  void Runs(const uint8_t*, size_t, RunScales*) const {}
  Floats8 Scales(RowPointers& rows, size_t b) const {
    return GatherHalves(rows, b * sizeof(Block) + offsetof(Block, d));
  }
  Floats8 MinimumScales(RowPointers&, size_t) const { return ZeroFloats(); }
};
template <class BlockType>
struct SmallFormatWithMinimum : SmallFormat<BlockType> {
  static constexpr bool kMinimum = true;
  Floats8 MinimumScales(RowPointers& rows, size_t b) const {
    return GatherHalves(rows, b * sizeof(BlockType) + offsetof(BlockType, m));
  }
};

struct FormatQ4_0 : SmallFormat<BlockQ4_0> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    NibblesMinus(block + offsetof(Block, qs), 8, w);
  }
};
struct FormatQ4_1 : SmallFormatWithMinimum<BlockQ4_1> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    NibblesMinus(block + offsetof(Block, qs), 0, w);
  }
};
// Nibbles with a fifth bit, minus `offset`.
inline void FiveBits(const uint8_t* qs, const uint8_t* qh, uint8_t offset, int8x16_t* w) {
  uint8x16_t q[2];
  Nibbles(qs, q);
  ForEach<2>([&](auto i) TAEL_INLINE_LAMBDA {
    w[i] = Minus(vorrq_u8(q[i], FifthBits(qh + 2 * i)), offset);
  });
}
struct FormatQ5_0 : SmallFormat<BlockQ5_0> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    FiveBits(block + offsetof(Block, qs), block + offsetof(Block, qh), 16, w);
  }
};
struct FormatQ5_1 : SmallFormatWithMinimum<BlockQ5_1> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    FiveBits(block + offsetof(Block, qs), block + offsetof(Block, qh), 0, w);
  }
};
struct FormatQ8_0 : SmallFormat<BlockQ8_0> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    const uint8_t* qs = block + offsetof(Block, qs);
    ForEach<2>([&](auto i)
                   TAEL_INLINE_LAMBDA { w[i] = vreinterpretq_s8_u8(vld1q_u8(qs + 16 * i)); });
  }
};
// Blocks that packed matrices become (quant/packed_matrix.h).
struct FormatCodes : SmallFormat<CodeBlock> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    const auto* bytes = reinterpret_cast<const int8_t*>(block + offsetof(CodeBlock, w));
    w[0] = vld1q_s8(bytes);
    w[1] = vld1q_s8(bytes + 16);
  }
  Floats8 Scales(RowPointers& rows, size_t b) const {
    return GatherFloats(rows, b * sizeof(CodeBlock) + offsetof(CodeBlock, d));
  }
};
struct FormatIQ4_NL : SmallFormat<BlockIQ4_NL> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    NibblesLookedUp(kIq4Levels, block + offsetof(Block, qs), w);
  }
};
struct FormatMXFP4 : SmallFormat<BlockMXFP4> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    NibblesLookedUp(kE2M1Doubled, block + offsetof(Block, qs), w);
  }
  Floats8 Scales(RowPointers& rows, size_t b) const {
    return GatherHalvedE8M0(rows, b * sizeof(Block) + offsetof(Block, e));
  }
};

// What all formats of 256 elements share.
template <class BlockType, size_t Run>
struct SuperFormat : SmallFormat<BlockType> {
  static constexpr size_t kSize = 256, kRun = Run;
};
template <class BlockType, size_t Run>
struct SuperFormatWithMinimum : SuperFormat<BlockType, Run> {
  static constexpr bool kMinimum = true;
  Floats8 MinimumScales(RowPointers& rows, size_t b) const {
    return NegateFloats(GatherHalves(rows, b * sizeof(BlockType) + offsetof(BlockType, dmin)));
  }
};

inline int16x8_t WidenUnsigned(uint8x8_t v) { return vreinterpretq_s16_u16(vmovl_u8(v)); }
inline void WidenRuns(uint8x16_t v, int16x8_t (&words)[2]) {
  words[0] = WidenUnsigned(vget_low_u8(v));
  words[1] = WidenUnsigned(vget_high_u8(v));
}
inline void WidenRuns(int8x16_t v, int16x8_t (&words)[2]) {
  words[0] = vmovl_s8(vget_low_s8(v));
  words[1] = vmovl_high_s8(v);
}

// Scales and minima of Q4_K and Q5_K: eight each of 6 bits.
inline void RunsOfSixBits(const uint8_t* packed, RunScales* runs) {
  uint32_t u[3];
  std::memcpy(u, packed, sizeof(u));
  const uint32_t low = 0x3f3f3f3fu, nibble = 0x0f0f0f0fu, top = 0x30303030u;
  const uint64_t s0 = u[0] & low, s1 = (u[2] & nibble) | (u[0] >> 2 & top);
  const uint64_t m0 = u[1] & low, m1 = (u[2] >> 4 & nibble) | (u[1] >> 2 & top);
  runs->subscale[0] = WidenUnsigned(vcreate_u8(s0 | s1 << 32));
  runs->minimum[0] = WidenUnsigned(vcreate_u8(m0 | m1 << 32));
}

struct FormatQ4_K : SuperFormatWithMinimum<BlockQ4_K, 32> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    ForEach<8>([&](auto v) TAEL_INLINE_LAMBDA {  // 16 bytes: two of them make 64 elements
      constexpr size_t kAt = v / 2 * 4 + v % 2;
      uint8x16_t q[2];
      Nibbles(block + offsetof(BlockQ4_K, qs) + 16 * v, q);
      w[kAt] = vreinterpretq_s8_u8(q[0]);
      w[kAt + 2] = vreinterpretq_s8_u8(q[1]);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    RunsOfSixBits(block + offsetof(BlockQ4_K, scales), runs);
  }
};
struct FormatQ5_K : SuperFormatWithMinimum<BlockQ5_K, 32> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    const uint8_t* qh = block + offsetof(BlockQ5_K, qh);
    const uint8x16_t high[2] = {vld1q_u8(qh), vld1q_u8(qh + 16)};
    ForEach<8>([&](auto v) TAEL_INLINE_LAMBDA {
      constexpr size_t kAt = v / 2 * 4 + v % 2;
      constexpr int kBit = v / 2 * 2;  // of the low nibbles; the next one is the high nibbles'
      uint8x16_t q[2];
      Nibbles(block + offsetof(BlockQ5_K, qs) + 16 * v, q);
      w[kAt] = vreinterpretq_s8_u8(vorrq_u8(q[0], MovedBits(high[v % 2], 4 - kBit, 16)));
      w[kAt + 2] = vreinterpretq_s8_u8(vorrq_u8(q[1], MovedBits(high[v % 2], 3 - kBit, 16)));
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    RunsOfSixBits(block + offsetof(BlockQ5_K, scales), runs);
  }
};
struct FormatQ6_K : SuperFormat<BlockQ6_K, 16> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA {  // half of the block, half of its 32 columns
      constexpr size_t kHalf = v / 2, kColumn = v % 2;
      uint8x16_t a[2], b[2];
      Nibbles(block + 64 * kHalf + 16 * kColumn, a);
      Nibbles(block + 64 * kHalf + 32 + 16 * kColumn, b);
      const uint8x16_t high = vld1q_u8(block + offsetof(BlockQ6_K, qh) + 32 * kHalf + 16 * kColumn);
      int8x16_t* out = w + 8 * kHalf + kColumn;
      out[0] = Minus(vorrq_u8(a[0], MovedBits(high, 4, 0x30)), 32);
      out[2] = Minus(vorrq_u8(b[0], MovedBits(high, 2, 0x30)), 32);
      out[4] = Minus(vorrq_u8(a[1], MovedBits(high, 0, 0x30)), 32);
      out[6] = Minus(vorrq_u8(b[1], MovedBits(high, -2, 0x30)), 32);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    WidenRuns(vreinterpretq_s8_u8(vld1q_u8(block + offsetof(BlockQ6_K, scales))), runs->subscale);
  }
};

// Two bits per weight, four layers of 32 elements over each other: register v of 16.
template <size_t V>
inline uint8x16_t TwoBits(const uint8_t* qs) {
  constexpr size_t kHalf = V / 8, kLayer = V % 8 / 2, kColumn = V % 2;
  return MovedBits(vld1q_u8(qs + 32 * kHalf + 16 * kColumn), -2 * static_cast<int>(kLayer), 3);
}
struct FormatQ2_K : SuperFormatWithMinimum<BlockQ2_K, 16> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    ForEach<16>([&](auto v) TAEL_INLINE_LAMBDA {
      w[v] = vreinterpretq_s8_u8(TwoBits<v>(block + offsetof(BlockQ2_K, qs)));
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    const uint8x16_t packed = vld1q_u8(block + offsetof(BlockQ2_K, scales));
    WidenRuns(LowNibbles(packed), runs->subscale);
    WidenRuns(vshrq_n_u8(packed, 4), runs->minimum);
  }
};
struct FormatQ3_K : SuperFormat<BlockQ3_K, 16> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    const uint8_t* hmask = block + offsetof(BlockQ3_K, hmask);
    ForEach<16>([&](auto v) TAEL_INLINE_LAMBDA {
      constexpr int kBit = v / 2;
      const uint8x16_t third = MovedBits(vld1q_u8(hmask + 16 * (v % 2)), 2 - kBit, 4);
      w[v] = Minus(vorrq_u8(TwoBits<v>(block + offsetof(BlockQ3_K, qs)), third), 4);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    uint32_t u[3];
    std::memcpy(u, block + offsetof(BlockQ3_K, scales), sizeof(u));
    const uint32_t nibble = 0x0f0f0f0fu, top = 0x30303030u;
    const uint32_t packed[4] = {
        (u[0] & nibble) | (u[2] << 4 & top), (u[1] & nibble) | (u[2] << 2 & top),
        (u[0] >> 4 & nibble) | (u[2] & top), (u[1] >> 4 & nibble) | (u[2] >> 2 & top)};
    WidenRuns(Minus(vreinterpretq_u8_u32(vld1q_u32(packed)), 32), runs->subscale);
  }
};
struct FormatIQ4_XS : SuperFormat<BlockIQ4_XS, 32> {
  void Weights(const uint8_t* block, size_t, int8x16_t* w) const {
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
      NibblesLookedUp(kIq4Levels, block + offsetof(BlockIQ4_XS, qs) + 16 * c, w + 2 * c);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    uint16_t low[2], high;
    std::memcpy(low, block + offsetof(BlockIQ4_XS, scales_l), sizeof(low));
    std::memcpy(&high, block + offsetof(BlockIQ4_XS, scales_h), sizeof(high));
    // Scale g: nibble g of `low` and bits 2g, 2g + 1 of `high`.
    const int16_t down4[8] = {0, -4, -8, -12, 0, -4, -8, -12};
    const int16_t down2[8] = {0, -2, -4, -6, -8, -10, -12, -14};
    const uint16x8_t lows = vcombine_u16(vdup_n_u16(low[0]), vdup_n_u16(low[1]));
    const uint16x8_t nibble = vandq_u16(vshlq_u16(lows, vld1q_s16(down4)), vdupq_n_u16(15));
    const uint16x8_t top =
        vandq_u16(vshlq_u16(vdupq_n_u16(high), vld1q_s16(down2)), vdupq_n_u16(3));
    runs->subscale[0] =
        vsubq_s16(vreinterpretq_s16_u16(vorrq_u16(nibble, vshlq_n_u16(top, 4))), vdupq_n_s16(32));
  }
};

// Every other format, through its unpacked integer form.
template <size_t Size>
struct AnyFormat {
  static constexpr size_t kSize = Size, kRun = Size == 256 ? 16 : 32;
  static constexpr bool kMinimum = false;
  struct Block {};  // rows are found by index, not by address

  DType dtype;
  IntegerBlock unpacked[kRowTile];

  void Prepare(RowPointers& rows, size_t b) {
    for (size_t r = 0; r < kRowTile; ++r) UnpackIntegerBlock(dtype, rows[r], b, &unpacked[r]);
  }
  void Weights(const uint8_t*, size_t r, int8x16_t* w) const {
    ForEach<kSize / 16>([&](auto v)
                            TAEL_INLINE_LAMBDA { w[v] = vld1q_s8(unpacked[r].w + 16 * v); });
  }
  void Runs(const uint8_t*, size_t r, RunScales* runs) const {
    runs->subscale[0] = vld1q_s16(unpacked[r].subscale);
    runs->subscale[1] = vld1q_s16(unpacked[r].subscale + 8);
  }
  Floats8 Scales(RowPointers&, size_t) const {
    float d[kRowTile];
    for (size_t r = 0; r < kRowTile; ++r) d[r] = unpacked[r].d;
    return LoadFloats(d);
  }
  Floats8 MinimumScales(RowPointers&, size_t) const { return ZeroFloats(); }
};

}  // namespace
}  // namespace tael::TAEL_ISA
