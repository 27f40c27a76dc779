// Block formats whose rows are interleaved by eight (quant/interleave.h), unpacked in registers:
// every register holds the same piece of eight rows, a lane each. The integers are those of
// UnpackIntegerBlock (quant/integer_form.h), plus kOffset. Beside the constants of the format's
// rows (avx2_formats.h), an interleaved format has
//   kPieces, kPieceQuads   a block as so many pieces of so many groups of four elements
//   Quad<G>    group G of a piece: four bytes of each row
//   Runs       sub-scales and minima (kSize 256 only)
//   Scales     d and dm of the rows
// Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// A block of a strip: the words and the odd bytes of eight rows.
struct StripBlock {
  const uint8_t *words, *odd;
  Bytes32 Word(size_t i) const { return LoadBytes(words + 32 * i); }
};

// In every lane, words for MulWordPairs.
struct StripRuns {
  Words16 subscale[16];  // of run r (of runs 2r, 2r + 1 if kRun is 32), twice
  Words16 pair[8];       // of runs 2c and 2c + 1; only if kOffset is not 0
  Words16 minimum[8];    // of runs 2c and 2c + 1 (4c and 4c + 2 if kRun is 32)
};
struct StripScales {
  Floats8 d, dm;
};

template <class Rows, size_t Pieces>
struct InterleavedFormat {
  static constexpr size_t kSize = Rows::kSize, kRun = Rows::kRun;
  static constexpr int kOffset = Rows::kOffset, kDepth = Rows::kDepth;
  static constexpr bool kSigned = Rows::kSigned, kMinimum = Rows::kMinimum;
  static constexpr size_t kBytes = sizeof(typename Rows::Block);
  static constexpr size_t kWords = kBytes / 4, kOdd = kBytes % 4;
  static constexpr size_t kPieces = Pieces, kPieceQuads = kSize / 4 / Pieces;
  static void Runs(const StripBlock&, StripRuns*) {}
  static StripScales Scales(const StripBlock& block) {
    return {_mm256_cvtph_ps(Load16Bytes(block.odd)), ZeroFloats()};
  }
};

// The words (low, high) of each lane as binary16 numbers.
inline StripScales HalvesOfLanes(Ints8 v) {
  const __m256i low = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
  const __m256i both = _mm256_packus_epi32(low, _mm256_srli_epi32(v, 16));
  const __m256i sorted = _mm256_permute4x64_epi64(both, 0xd8);
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(sorted)),
          _mm256_cvtph_ps(_mm256_extracti128_si256(sorted, 1))};
}
// Bytes `a` and `b` of each lane as its two words.
inline Words16 BytesAsWords(Ints8 v, int a, int b) {
  const auto lane = [&](int l) { return (a + 4 * l) | 0x8000 | (b + 4 * l) << 16; };
  const int high = static_cast<int>(0x80000000u);
  const __m128i pattern =
      _mm_setr_epi32(lane(0) | high, lane(1) | high, lane(2) | high, lane(3) | high);
  return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(pattern));
}
inline Words16 SignedBytesAsWords(Ints8 v, int a, int b) {
  const auto lane = [&](int l) { return 0x80 | (a + 4 * l) << 8 | 0x800000 | (b + 4 * l) << 24; };
  const __m128i pattern = _mm_setr_epi32(lane(0), lane(1), lane(2), lane(3));
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(pattern)), 8);
}
// Sub-scales of runs 4v .. 4v + 3 from the four bytes of each lane, and their pairs.
inline void SignedRuns(Ints8 bytes, size_t v, StripRuns* runs) {
  ForEach<4>([&](auto j) TAEL_INLINE_LAMBDA {
    constexpr int kByte = static_cast<int>(j);
    runs->subscale[4 * v + j] = SignedBytesAsWords(bytes, kByte, kByte);
  });
  runs->pair[2 * v] = SignedBytesAsWords(bytes, 0, 1);
  runs->pair[2 * v + 1] = SignedBytesAsWords(bytes, 2, 3);
}
// Ints 2c and 2c + 1 of v as a pair of words, in every lane.
inline Words16 WordPairOf(Ints8 v, size_t c) {
  const __m128i half = c < 2 ? _mm256_castsi256_si128(v) : _mm256_extracti128_si256(v, 1);
  const char from = static_cast<char>(c % 2 * 8);
  const __m128i pattern =
      _mm_set1_epi32(from | (from + 1) << 8 | (from + 4) << 16 | (from + 5) << 24);
  return _mm256_broadcastsi128_si256(_mm_shuffle_epi8(half, pattern));
}
// -Factor * v, a power of two.
template <int Factor>
inline Ints8 NegateTimes(Ints8 v) {
  static_assert(std::has_single_bit(static_cast<unsigned>(Factor)));
  return _mm256_slli_epi32(SubInts(ZeroInts(), v), std::countr_zero(static_cast<unsigned>(Factor)));
}
inline Bytes32 MaskBytes(Bytes32 v, int mask) {
  return _mm256_and_si256(v, _mm256_set1_epi8(static_cast<char>(mask)));
}
inline Bytes32 Nibble(Bytes32 both, bool high) {
  return MaskBytes(high ? _mm256_srli_epi16(both, 4) : both, 15);
}

// Sixteen bytes of nibbles per row, from word `First` on: the low ones come first.
template <size_t First, size_t G>
inline Bytes32 SmallNibbles(const StripBlock& block) {
  return Nibble(block.Word(First + G % 4), G >= 4);
}
// 16 where bit 4G + i of each lane is set.
template <size_t G>
inline Bytes32 FifthBitsOfLanes(Ints8 bits) {
  constexpr int kByte = static_cast<int>(G / 2) * 0x01010101;
  const __m128i from =
      _mm_setr_epi32(kByte, kByte + 0x04040404, kByte + 0x08080808, kByte + 0x0c0c0c0c);
  const __m256i spread = _mm256_shuffle_epi8(bits, _mm256_broadcastsi128_si256(from));
  const __m256i bit = _mm256_set1_epi32(static_cast<int>(G % 2 == 0 ? 0x08040201u : 0x80402010u));
  return MaskBytes(_mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit), 16);
}

struct StripQ4_0 : InterleavedFormat<FormatQ4_0, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return SmallNibbles<0, G>(block);
  }
};
struct StripQ4_1 : InterleavedFormat<FormatQ4_1, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return SmallNibbles<1, G>(block);
  }
  static StripScales Scales(const StripBlock& block) { return HalvesOfLanes(block.Word(0)); }
};
struct StripQ5_0 : InterleavedFormat<FormatQ5_0, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return _mm256_or_si256(SmallNibbles<1, G>(block), FifthBitsOfLanes<G>(block.Word(0)));
  }
};
struct StripQ5_1 : InterleavedFormat<FormatQ5_1, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return _mm256_or_si256(SmallNibbles<2, G>(block), FifthBitsOfLanes<G>(block.Word(1)));
  }
  static StripScales Scales(const StripBlock& block) { return HalvesOfLanes(block.Word(0)); }
};
struct StripQ8_0 : InterleavedFormat<FormatQ8_0, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return block.Word(G);
  }
};
struct StripIQ4_NL : InterleavedFormat<FormatIQ4_NL, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return LookUp(kIq4Levels, SmallNibbles<0, G>(block));
  }
};
struct StripMXFP4 : InterleavedFormat<FormatMXFP4, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return _mm256_add_epi8(LookUp(kE2M1Doubled, SmallNibbles<0, G>(block)),
                           _mm256_set1_epi8(kOffset));
  }
  static StripScales Scales(const StripBlock& block) {
    return {HalvedE8M0s(
                _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(block.odd)))),
            ZeroFloats()};
  }
};

// d and dmin in the first word, then eight scales and minima of 6 bits (avx2_formats.h).
template <class Rows, size_t Pieces>
struct SixBitRunsFormat : InterleavedFormat<Rows, Pieces> {
  static void Runs(const StripBlock& block, StripRuns* runs) {
    const Ints8 u0 = block.Word(1), u1 = block.Word(2), u2 = block.Word(3);
    const Ints8 scales[2] = {MaskBytes(u0, 0x3f),
                             _mm256_or_si256(Nibble(u2, false), ShiftBytesRight(u0, 2, 0x30))};
    const Ints8 minima[2] = {MaskBytes(u1, 0x3f),
                             _mm256_or_si256(Nibble(u2, true), ShiftBytesRight(u1, 2, 0x30))};
    ForEach<8>([&](auto j) TAEL_INLINE_LAMBDA {
      constexpr int kByte = static_cast<int>(j % 4);
      runs->subscale[j] = BytesAsWords(scales[j / 4], kByte, kByte);
    });
    ForEach<4>([&](auto c) TAEL_INLINE_LAMBDA {
      constexpr int kByte = 2 * static_cast<int>(c % 2);
      runs->minimum[c] = BytesAsWords(minima[c / 2], kByte, kByte + 1);
    });
  }
  static StripScales Scales(const StripBlock& block) {
    const StripScales scales = HalvesOfLanes(block.Word(0));
    return {scales.d, NegateFloats(scales.dm)};
  }
};
struct StripQ4_K : SixBitRunsFormat<FormatQ4_K, 4> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t piece) {
    return Nibble(block.Word(4 + 8 * piece + G % 8), G >= 8);
  }
};
struct StripQ5_K : SixBitRunsFormat<FormatQ5_K, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    constexpr int kBit = G / 8;
    const Bytes32 nibble = Nibble(block.Word(12 + G / 16 * 8 + G % 8), G / 8 % 2 == 1);
    const Bytes32 high = block.Word(4 + G % 8);
    const Bytes32 fifth =
        kBit < 4 ? _mm256_slli_epi16(high, 4 - kBit) : _mm256_srli_epi16(high, kBit - 4);
    return _mm256_or_si256(nibble, MaskBytes(fifth, 16));
  }
};
struct StripQ6_K : InterleavedFormat<FormatQ6_K, 2> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t piece) {
    constexpr size_t kLayer = G / 8;
    const Bytes32 low = block.Word(16 * piece + kLayer % 2 * 8 + G % 8);
    const Bytes32 high = block.Word(32 + 8 * piece + G % 8);
    const Bytes32 top = kLayer == 0   ? _mm256_slli_epi16(high, 4)
                        : kLayer == 1 ? _mm256_slli_epi16(high, 2)
                        : kLayer == 2 ? high
                                      : _mm256_srli_epi16(high, 2);
    return _mm256_or_si256(Nibble(low, kLayer >= 2), MaskBytes(top, 0x30));
  }
  static void Runs(const StripBlock& block, StripRuns* runs) {
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA { SignedRuns(block.Word(48 + v), v, runs); });
  }
};
struct StripQ2_K : InterleavedFormat<FormatQ2_K, 2> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t piece) {
    return ShiftBytesRight(block.Word(4 + 8 * piece + G % 8), 2 * static_cast<int>(G / 8), 3);
  }
  static void Runs(const StripBlock& block, StripRuns* runs) {
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA {
      const Ints8 both = block.Word(v);
      const Ints8 scales = MaskBytes(both, 15), minima = ShiftBytesRight(both, 4, 15);
      ForEach<4>([&](auto j) TAEL_INLINE_LAMBDA {
        constexpr int kByte = static_cast<int>(j);
        runs->subscale[4 * v + j] = BytesAsWords(scales, kByte, kByte);
      });
      runs->minimum[2 * v] = BytesAsWords(minima, 0, 1);
      runs->minimum[2 * v + 1] = BytesAsWords(minima, 2, 3);
    });
  }
  static StripScales Scales(const StripBlock& block) {
    const StripScales scales = HalvesOfLanes(block.Word(20));
    return {scales.d, NegateFloats(scales.dm)};
  }
};
struct StripQ3_K : InterleavedFormat<FormatQ3_K, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    constexpr int kBit = G / 8;
    const Bytes32 low = ShiftBytesRight(block.Word(8 + G / 32 * 8 + G % 8), 2 * (kBit % 4), 3);
    const Bytes32 high = block.Word(G % 8);
    const Bytes32 third =
        kBit < 2 ? _mm256_slli_epi16(high, 2 - kBit) : _mm256_srli_epi16(high, kBit - 2);
    return _mm256_or_si256(low, MaskBytes(third, 4));
  }
  static void Runs(const StripBlock& block, StripRuns* runs) {
    const Ints8 u0 = block.Word(24), u1 = block.Word(25), u2 = block.Word(26);
    const Ints8 tops[4] = {_mm256_slli_epi32(u2, 4), _mm256_slli_epi32(u2, 2), u2,
                           _mm256_srli_epi32(u2, 2)};
    const Ints8 nibbles[4] = {Nibble(u0, false), Nibble(u1, false), Nibble(u0, true),
                              Nibble(u1, true)};
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA {
      const Ints8 scales = _mm256_or_si256(nibbles[v], MaskBytes(tops[v], 0x30));
      SignedRuns(_mm256_sub_epi8(scales, _mm256_set1_epi8(32)), v, runs);
    });
  }
};
struct StripIQ4_XS : InterleavedFormat<FormatIQ4_XS, 1> {
  template <size_t G>
  static Bytes32 Quad(const StripBlock& block, size_t) {
    return LookUp(kIq4Levels, Nibble(block.Word(2 + G / 8 * 4 + G % 4), G % 8 >= 4));
  }
  static void Runs(const StripBlock& block, StripRuns* runs) {
    // Scale g: nibble g of `low` and bits 2g, 2g + 1 of `high`.
    const Ints8 low = block.Word(1), high = _mm256_srli_epi32(block.Word(0), 16);
    ForEach<8>([&](auto g) TAEL_INLINE_LAMBDA {
      constexpr int kScale = static_cast<int>(g);
      const Ints8 nibble = _mm256_and_si256(_mm256_srli_epi32(low, 4 * kScale), SplatInts(15));
      const Ints8 top = _mm256_and_si256(_mm256_srli_epi32(high, 2 * kScale), SplatInts(3));
      const Ints8 scale =
          SubInts(_mm256_or_si256(nibble, _mm256_slli_epi32(top, 4)), SplatInts(32));
      runs->subscale[g] = _mm256_blend_epi16(scale, _mm256_slli_epi32(scale, 16), 0xaa);
    });
  }
  static StripScales Scales(const StripBlock& block) {
    return {HalvesOfLanes(block.Word(0)).d, ZeroFloats()};
  }
};

}  // namespace
}  // namespace tael::TAEL_ISA
