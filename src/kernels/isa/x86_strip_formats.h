// Block formats whose rows are interleaved by eight (quant/interleave.h), unpacked in registers:
// every register holds the same piece of eight rows, a lane each, or of sixteen. The integers are
// those of UnpackIntegerBlock (quant/integer_form.h), plus kOffset. Beside the constants of the
// format's rows (avx2_formats.h), an interleaved format has
//   kPieces, kPieceQuads   a block as so many pieces of so many groups of four elements
//   Quad<G>    group G of a piece: four bytes of each row; of a StripBlock, or of whatever else
//              has words that this instruction set's vectors can take
//   Runs       sub-scales and minima (kSize 256 only)
//   Scales     d and dm of the rows
// Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

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

// Sixteen bytes of nibbles per row, from word `First` on: the low ones come first.
template <size_t First, size_t G, class Block>
inline auto SmallNibbles(const Block& block) {
  return Nibble(block.Word(First + G % 4), G >= 4);
}
struct StripQ4_0 : InterleavedFormat<FormatQ4_0, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return SmallNibbles<0, G>(block);
  }
};
struct StripQ4_1 : InterleavedFormat<FormatQ4_1, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return SmallNibbles<1, G>(block);
  }
  static StripScales Scales(const StripBlock& block) { return HalvesOfLanes(block.Word(0)); }
};
struct StripQ5_0 : InterleavedFormat<FormatQ5_0, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return OrBits(SmallNibbles<1, G>(block), FifthBitsOfLanes<G>(block.Bits(0)));
  }
};
struct StripQ5_1 : InterleavedFormat<FormatQ5_1, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return OrBits(SmallNibbles<2, G>(block), FifthBitsOfLanes<G>(block.Bits(1)));
  }
  static StripScales Scales(const StripBlock& block) { return HalvesOfLanes(block.Word(0)); }
};
struct StripQ8_0 : InterleavedFormat<FormatQ8_0, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return block.Word(G);
  }
};
struct StripIQ4_NL : InterleavedFormat<FormatIQ4_NL, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return LookUp(kIq4Levels, SmallNibbles<0, G>(block));
  }
};
struct StripMXFP4 : InterleavedFormat<FormatMXFP4, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    return AddToBytes(LookUp(kE2M1Doubled, SmallNibbles<0, G>(block)), kOffset);
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
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t piece) {
    return Nibble(block.Word(4 + 8 * piece + G % 8), G >= 8);
  }
};
struct StripQ5_K : SixBitRunsFormat<FormatQ5_K, 1> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    constexpr int kBit = G / 8;
    const auto nibble = Nibble(block.Word(12 + G / 16 * 8 + G % 8), G / 8 % 2 == 1);
    const auto fifth = ShiftWords<4 - kBit>(block.Word(4 + G % 8));
    return OrBits(nibble, MaskBytes(fifth, 16));
  }
};
struct StripQ6_K : InterleavedFormat<FormatQ6_K, 2> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t piece) {
    constexpr int kLayer = G / 8;
    const auto low = block.Word(16 * piece + G / 8 % 2 * 8 + G % 8);
    const auto top = ShiftWords<4 - 2 * kLayer>(block.Word(32 + 8 * piece + G % 8));
    return OrBits(Nibble(low, kLayer >= 2), MaskBytes(top, 0x30));
  }
  static void Runs(const StripBlock& block, StripRuns* runs) {
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA { SignedRuns(block.Word(48 + v), v, runs); });
  }
};
struct StripQ2_K : InterleavedFormat<FormatQ2_K, 2> {
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t piece) {
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
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
    constexpr int kBit = G / 8;
    const auto low = ShiftBytesRight(block.Word(8 + G / 32 * 8 + G % 8), 2 * (kBit % 4), 3);
    return OrBits(low, MaskBytes(ShiftWords<2 - kBit>(block.Word(G % 8)), 4));
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
  template <size_t G, class Block>
  static auto Quad(const Block& block, size_t) {
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
