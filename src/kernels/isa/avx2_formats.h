// The integer forms of the common block formats, unpacked in registers. Every struct here gives the
// integers of UnpackIntegerBlock (quant/integer_form.h), plus kOffset. Members of a format:
//   Block, kSize   the stored block and its elements (32 or 256)
//   kRun           elements that share a sub-scale: 16, or 32 for pairs of runs
//   kOffset        what was added to the weights so that they are not negative
//   kDepth         products of MulBytePairs whose sum fits 16 bits: 2 * kDepth * max(w) * 127
//                  < 32768; divides kRun / 4
//   kSigned        weights keep their sign (kOffset is 0, kDepth is 1)
//   kMinimum       the format has minima
//   Prepare        called once per block of eight rows, before the others
//   Weights        the weights of row r, 32 per register, natural order
//   Runs           sub-scales and minima, even runs | odd runs (kSize 256 only)
//   Scales, MinimumScales   d and dm of eight rows
// Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

struct RunScales {
  Words16 subscale, minimum;  // even runs | odd runs
};
using RowPointers = const uint8_t* const[kRowTile];

// Low nibbles of 16 bytes, then the high ones.
inline Bytes32 Nibbles(const uint8_t* qs) {
  const __m128i bytes = Load16Bytes(qs);
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}
// Byte i = 16 if bit i of the 32 bits at p is set.
inline Bytes32 FifthBits(const uint8_t* p) {
  const __m256i spread = _mm256_shuffle_epi8(
      Broadcast4Bytes(p), _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101,
                                             0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201ull));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
  return _mm256_and_si256(set, _mm256_set1_epi8(16));
}
inline Bytes32 ShiftBytesRight(Bytes32 v, int count, int mask) {
  return _mm256_and_si256(_mm256_srli_epi16(v, count), _mm256_set1_epi8(static_cast<char>(mask)));
}
inline Bytes32 LookUp(const int8_t (&table)[16], Bytes32 index) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(Load16Bytes(table)), index);
}
// Sixteen byte scales in natural order to sorted words.
inline __m128i SortRunBytes(__m128i natural) {
  return _mm_shuffle_epi8(natural,
                          _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
}

// What all formats of 32 elements share.
template <class BlockType, int Offset, int Depth>
struct SmallFormat {
  using Block = BlockType;
  static constexpr size_t kSize = 32, kRun = 32;
  static constexpr int kOffset = Offset, kDepth = Depth;
  static constexpr bool kSigned = false, kMinimum = false;
  void Prepare(RowPointers&, size_t) const {}
  void Runs(const uint8_t*, size_t, RunScales*) const {}
  Floats8 Scales(RowPointers& rows, size_t b) const {
    return GatherHalves(rows, b * sizeof(Block) + offsetof(Block, d));
  }
  Floats8 MinimumScales(RowPointers&, size_t) const { return ZeroFloats(); }
};
template <class BlockType, int Depth>
struct SmallFormatWithMinimum : SmallFormat<BlockType, 0, Depth> {
  static constexpr bool kMinimum = true;
  Floats8 MinimumScales(RowPointers& rows, size_t b) const {
    return GatherHalves(rows, b * sizeof(BlockType) + offsetof(BlockType, m));
  }
};

struct FormatQ4_0 : SmallFormat<BlockQ4_0, 8, 8> {  // 8 * 2 * 15 * 127 = 30480
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = Nibbles(block + offsetof(Block, qs));
  }
};
struct FormatQ4_1 : SmallFormatWithMinimum<BlockQ4_1, 8> {  // as Q4_0
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = Nibbles(block + offsetof(Block, qs));
  }
};
struct FormatQ5_0 : SmallFormat<BlockQ5_0, 16, 4> {  // 4 * 2 * 31 * 127 = 31496
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = _mm256_or_si256(Nibbles(block + offsetof(Block, qs)),
                           FifthBits(block + offsetof(Block, qh)));
  }
};
struct FormatQ5_1 : SmallFormatWithMinimum<BlockQ5_1, 4> {  // as Q5_0
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = _mm256_or_si256(Nibbles(block + offsetof(Block, qs)),
                           FifthBits(block + offsetof(Block, qh)));
  }
};
struct FormatQ8_0 : SmallFormat<BlockQ8_0, 0, 1> {
  static constexpr bool kSigned = true;
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = LoadBytes(block + offsetof(Block, qs));
  }
};
// Blocks that packed matrices become (quant/packed_matrix.h).
struct FormatCodes : SmallFormat<CodeBlock, 0, 1> {
  static constexpr bool kSigned = true;
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = LoadBytes(block + offsetof(CodeBlock, w));
  }
  Floats8 Scales(RowPointers& rows, size_t b) const {
    return GatherFloats(rows, b * sizeof(CodeBlock) + offsetof(CodeBlock, d));
  }
};
struct FormatIQ4_NL : SmallFormat<BlockIQ4_NL, 0, 1> {
  static constexpr bool kSigned = true;
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = LookUp(kIq4Levels, Nibbles(block + offsetof(Block, qs)));
  }
};
struct FormatMXFP4 : SmallFormat<BlockMXFP4, 12, 4> {  // 4 * 2 * 24 * 127 = 24384
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    w[0] = _mm256_add_epi8(LookUp(kE2M1Doubled, Nibbles(block + offsetof(Block, qs))),
                           _mm256_set1_epi8(kOffset));
  }
  Floats8 Scales(RowPointers& rows, size_t b) const {
    return GatherHalvedE8M0(rows, b * sizeof(Block) + offsetof(Block, e));
  }
};

// What all formats of 256 elements share.
template <class BlockType, int Offset, int Depth>
struct SuperFormat : SmallFormat<BlockType, Offset, Depth> {
  static constexpr size_t kSize = 256, kRun = 16;
};
template <class BlockType, int Depth>
struct SuperFormatWithMinimum : SuperFormat<BlockType, 0, Depth> {
  static constexpr bool kMinimum = true;
  Floats8 MinimumScales(RowPointers& rows, size_t b) const {
    return NegateFloats(GatherHalves(rows, b * sizeof(BlockType) + offsetof(BlockType, dmin)));
  }
};

// Scales and minima of Q4_K and Q5_K: eight each of 6 bits, one for two runs.
inline void RunsOfSixBits(const uint8_t* packed, RunScales* runs) {
  uint32_t u[3];
  std::memcpy(u, packed, sizeof(u));
  const uint32_t low = 0x3f3f3f3fu, nibble = 0x0f0f0f0fu, top = 0x30303030u;
  const uint32_t s0 = u[0] & low, s1 = (u[2] & nibble) | (u[0] >> 2 & top);
  const uint32_t m0 = u[1] & low, m1 = (u[2] >> 4 & nibble) | (u[1] >> 2 & top);
  const __m128i all = _mm_setr_epi32(static_cast<int>(s0), static_cast<int>(s1),
                                     static_cast<int>(m0), static_cast<int>(m1));
  const __m256i words = _mm256_cvtepu8_epi16(all);  // scales | minima
  runs->subscale = _mm256_permute4x64_epi64(words, 0x44);
  runs->minimum = _mm256_permute4x64_epi64(words, 0xee);
}

struct FormatQ4_K : SuperFormatWithMinimum<BlockQ4_K, 8> {  // as Q4_0
  static constexpr size_t kRun = 32;
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    ForEach<4>([&](auto c) TAEL_INLINE_LAMBDA {
      const Bytes32 both = LoadBytes(block + offsetof(BlockQ4_K, qs) + 32 * c);
      w[2 * c] = _mm256_and_si256(both, _mm256_set1_epi8(15));
      w[2 * c + 1] = ShiftBytesRight(both, 4, 15);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    RunsOfSixBits(block + offsetof(BlockQ4_K, scales), runs);
  }
};
struct FormatQ5_K : SuperFormatWithMinimum<BlockQ5_K, 4> {  // as Q5_0
  static constexpr size_t kRun = 32;
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    Bytes32 high = LoadBytes(block + offsetof(BlockQ5_K, qh));
    const Bytes32 one = _mm256_set1_epi8(1);
    ForEach<4>([&](auto c) TAEL_INLINE_LAMBDA {
      const Bytes32 both = LoadBytes(block + offsetof(BlockQ5_K, qs) + 32 * c);
      const Bytes32 fifth = _mm256_slli_epi16(_mm256_and_si256(high, one), 4);
      const Bytes32 next = _mm256_srli_epi16(high, 1);
      const Bytes32 other = _mm256_slli_epi16(_mm256_and_si256(next, one), 4);
      w[2 * c] = _mm256_or_si256(_mm256_and_si256(both, _mm256_set1_epi8(15)), fifth);
      w[2 * c + 1] = _mm256_or_si256(ShiftBytesRight(both, 4, 15), other);
      high = _mm256_srli_epi16(high, 2);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    RunsOfSixBits(block + offsetof(BlockQ5_K, scales), runs);
  }
};
struct FormatQ6_K : SuperFormat<BlockQ6_K, 32, 2> {  // 2 * 2 * 63 * 127 = 32004
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    const Bytes32 low4 = _mm256_set1_epi8(15), top = _mm256_set1_epi8(0x30);
    ForEach<2>([&](auto half) TAEL_INLINE_LAMBDA {
      const Bytes32 a = LoadBytes(block + 64 * half), b = LoadBytes(block + 64 * half + 32);
      const Bytes32 high = LoadBytes(block + offsetof(BlockQ6_K, qh) + 32 * half);
      w[4 * half] = _mm256_or_si256(_mm256_and_si256(a, low4),
                                    _mm256_and_si256(_mm256_slli_epi16(high, 4), top));
      w[4 * half + 1] = _mm256_or_si256(_mm256_and_si256(b, low4),
                                        _mm256_and_si256(_mm256_slli_epi16(high, 2), top));
      w[4 * half + 2] = _mm256_or_si256(ShiftBytesRight(a, 4, 15), _mm256_and_si256(high, top));
      w[4 * half + 3] = _mm256_or_si256(ShiftBytesRight(b, 4, 15),
                                        _mm256_and_si256(_mm256_srli_epi16(high, 2), top));
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    const __m128i scales = Load16Bytes(block + offsetof(BlockQ6_K, scales));
    runs->subscale = _mm256_cvtepi8_epi16(SortRunBytes(scales));
  }
};

// Two bits per weight, four layers of 32 elements over each other.
inline void TwoBitLayers(const uint8_t* qs, Bytes32* w) {
  ForEach<2>([&](auto half) TAEL_INLINE_LAMBDA {
    const Bytes32 bytes = LoadBytes(qs + 32 * half);
    ForEach<4>([&](auto j)
                   TAEL_INLINE_LAMBDA { w[4 * half + j] = ShiftBytesRight(bytes, 2 * j, 3); });
  });
}
struct FormatQ2_K : SuperFormatWithMinimum<BlockQ2_K, 4> {  // 4 * 2 * 3 * 127 = 3048
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    TwoBitLayers(block + offsetof(BlockQ2_K, qs), w);
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    const __m128i packed = SortRunBytes(Load16Bytes(block + offsetof(BlockQ2_K, scales)));
    const __m128i nibble = _mm_set1_epi8(15);
    runs->subscale = _mm256_cvtepu8_epi16(_mm_and_si128(packed, nibble));
    runs->minimum = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(packed, 4), nibble));
  }
};
struct FormatQ3_K : SuperFormat<BlockQ3_K, 4, 4> {  // 4 * 2 * 7 * 127 = 7112
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    TwoBitLayers(block + offsetof(BlockQ3_K, qs), w);
    Bytes32 high = LoadBytes(block + offsetof(BlockQ3_K, hmask));
    const Bytes32 one = _mm256_set1_epi8(1);
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
      w[c] = _mm256_or_si256(w[c], _mm256_slli_epi16(_mm256_and_si256(high, one), 2));
      high = _mm256_srli_epi16(high, 1);
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    uint32_t u[3];
    std::memcpy(u, block + offsetof(BlockQ3_K, scales), sizeof(u));
    const uint32_t nibble = 0x0f0f0f0fu, top = 0x30303030u;
    const __m128i scales =
        _mm_setr_epi32(static_cast<int>((u[0] & nibble) | (u[2] << 4 & top)),
                       static_cast<int>((u[1] & nibble) | (u[2] << 2 & top)),
                       static_cast<int>((u[0] >> 4 & nibble) | (u[2] & top)),
                       static_cast<int>((u[1] >> 4 & nibble) | (u[2] >> 2 & top)));
    runs->subscale = _mm256_cvtepi8_epi16(_mm_sub_epi8(SortRunBytes(scales), _mm_set1_epi8(32)));
  }
};
struct FormatIQ4_XS : SuperFormat<BlockIQ4_XS, 0, 1> {
  static constexpr size_t kRun = 32;
  static constexpr bool kSigned = true;
  void Weights(const uint8_t* block, size_t, Bytes32* w) const {
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
      w[c] = LookUp(kIq4Levels, Nibbles(block + offsetof(BlockIQ4_XS, qs) + 16 * c));
    });
  }
  void Runs(const uint8_t* block, size_t, RunScales* runs) const {
    uint32_t low;
    uint16_t high;
    std::memcpy(&low, block + offsetof(BlockIQ4_XS, scales_l), sizeof(low));
    std::memcpy(&high, block + offsetof(BlockIQ4_XS, scales_h), sizeof(high));
    // Scale g: nibble g of `low` and bits 2g, 2g + 1 of `high`.
    const __m256i shift4 = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    const __m256i shift2 = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
    const __m256i nibble = _mm256_and_si256(
        _mm256_srlv_epi32(SplatInts(static_cast<int32_t>(low)), shift4), SplatInts(15));
    const __m256i top = _mm256_and_si256(_mm256_srlv_epi32(SplatInts(high), shift2), SplatInts(3));
    const __m256i scale =
        _mm256_sub_epi32(_mm256_or_si256(nibble, _mm256_slli_epi32(top, 4)), SplatInts(32));
    const __m256i packed = _mm256_packs_epi32(scale, scale);  // 0-3 0-3 | 4-7 4-7
    runs->subscale = _mm256_permute4x64_epi64(packed, 0x88);  // 0-7 | 0-7
  }
};

// Every other format, through its unpacked integer form.
template <size_t Size>
struct AnyFormat {
  static constexpr size_t kSize = Size, kRun = 16;
  static constexpr int kOffset = 0, kDepth = 1;
  static constexpr bool kSigned = true, kMinimum = false;
  struct Block {};  // rows are found by index, not by address

  DType dtype;
  IntegerBlock unpacked[kRowTile];

  void Prepare(RowPointers& rows, size_t b) {
    for (size_t r = 0; r < kRowTile; ++r) UnpackIntegerBlock(dtype, rows[r], b, &unpacked[r]);
  }
  void Weights(const uint8_t*, size_t r, Bytes32* w) const {
    ForEach<kSize / 32>([&](auto c)
                            TAEL_INLINE_LAMBDA { w[c] = LoadBytes(unpacked[r].w + 32 * c); });
  }
  void Runs(const uint8_t*, size_t r, RunScales* runs) const {
    runs->subscale = SortRuns(LoadBytes(unpacked[r].subscale));
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
