// Block formats whose rows are interleaved by eight (quant/interleave.h), unpacked in registers on
// NEON. The integers are those of UnpackIntegerBlock (quant/integer_form.h). Beside the constants
// of the format's rows (neon_formats.h), an interleaved format has
//   kPieces, kPieceQuads   a block as so many pieces of so many groups of four elements
//   Quad<G>    group G of a piece: four signed bytes of each row
//   Runs       sub-scales and minima (kSize 256 only)
//   Scales     d and dm of the rows
// Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

template <class RowFormat, size_t Pieces>
struct InterleavedFormat {
  using Rows = RowFormat;
  static constexpr size_t kSize = Rows::kSize, kRun = Rows::kRun;
  static constexpr bool kMinimum = Rows::kMinimum;
  static constexpr size_t kBytes = sizeof(typename Rows::Block);
  static constexpr size_t kWords = kBytes / 4, kOdd = kBytes % 4;
  static constexpr size_t kPieces = Pieces, kPieceQuads = kSize / 4 / Pieces;
  static void Runs(const StripBlock&, const StripRuns&) {}
  static StripScales Scales(const StripBlock& block) {
    const uint16x8_t halves = vreinterpretq_u16_u8(vld1q_u8(block.odd));
    return {HalvesToFloats(vget_low_u16(halves), vget_high_u16(halves)), ZeroFloats()};
  }
};

// Sixteen bytes of nibbles per row, from word `First` on: the low ones come first.
template <size_t First, size_t G>
inline Quad8 SmallNibbles(const StripBlock& block) {
  return Nibble(block.Word(First + G % 4), G >= 4);
}
struct StripQ4_0 : InterleavedFormat<FormatQ4_0, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return MinusEach(SmallNibbles<0, G>(block), 8);
  }
};
struct StripQ4_1 : InterleavedFormat<FormatQ4_1, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return SmallNibbles<1, G>(block);
  }
  static StripScales Scales(const StripBlock& block) { return HalvesOfLanes(block.Word(0)); }
};
struct StripQ5_0 : InterleavedFormat<FormatQ5_0, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return MinusEach(OrBits(SmallNibbles<1, G>(block), FifthBitsOfLanes<G>(block.Word(0))), 16);
  }
};
struct StripQ5_1 : InterleavedFormat<FormatQ5_1, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return OrBits(SmallNibbles<2, G>(block), FifthBitsOfLanes<G>(block.Word(1)));
  }
  static StripScales Scales(const StripBlock& block) { return HalvesOfLanes(block.Word(0)); }
};
struct StripQ8_0 : InterleavedFormat<FormatQ8_0, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return block.Word(G);
  }
};
struct StripIQ4_NL : InterleavedFormat<FormatIQ4_NL, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return LookUp(kIq4Levels, SmallNibbles<0, G>(block));
  }
};
struct StripMXFP4 : InterleavedFormat<FormatMXFP4, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return LookUp(kE2M1Doubled, SmallNibbles<0, G>(block));
  }
  static StripScales Scales(const StripBlock& block) {
    const uint16x8_t wide = vmovl_u8(vld1_u8(block.odd));
    return {{HalvedE8M0x4(vmovl_u16(vget_low_u16(wide))), HalvedE8M0x4(vmovl_high_u16(wide))},
            ZeroFloats()};
  }
};

inline StripScales WithMinusMinima(const StripScales& scales) {
  return {scales.d, NegateFloats(scales.dm)};
}

// d and dmin in the first word, then eight scales and minima of 6 bits.
template <class Rows, size_t Pieces>
struct SixBitRunsFormat : InterleavedFormat<Rows, Pieces> {
  static void Runs(const StripBlock& block, const StripRuns& runs) {
    const Quad8 u0 = block.Word(1), u1 = block.Word(2), u2 = block.Word(3);
    PutSubscales(MovedBits(u0, 0, 0x3f), 0, runs);
    PutSubscales(OrBits(Nibble(u2, false), MovedBits(u0, -2, 0x30)), 4, runs);
    PutMinima(MovedBits(u1, 0, 0x3f), 0, runs);
    PutMinima(OrBits(Nibble(u2, true), MovedBits(u1, -2, 0x30)), 4, runs);
  }
  static StripScales Scales(const StripBlock& block) {
    return WithMinusMinima(HalvesOfLanes(block.Word(0)));
  }
};
struct StripQ4_K : SixBitRunsFormat<FormatQ4_K, 4> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t piece) {
    return Nibble(block.Word(4 + 8 * piece + G % 8), G >= 8);
  }
};
struct StripQ5_K : SixBitRunsFormat<FormatQ5_K, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    constexpr int kBit = G / 8;
    const Quad8 nibble = Nibble(block.Word(12 + G / 16 * 8 + G % 8), G / 8 % 2 == 1);
    return OrBits(nibble, MovedBits(block.Word(4 + G % 8), 4 - kBit, 16));
  }
};
struct StripQ6_K : InterleavedFormat<FormatQ6_K, 2> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t piece) {
    constexpr int kLayer = G / 8;
    const Quad8 low = block.Word(16 * piece + G / 8 % 2 * 8 + G % 8);
    const Quad8 top = MovedBits(block.Word(32 + 8 * piece + G % 8), 4 - 2 * kLayer, 0x30);
    return MinusEach(OrBits(Nibble(low, kLayer >= 2), top), 32);
  }
  static void Runs(const StripBlock& block, const StripRuns& runs) {
    ForEach<4>([&](auto v)
                   TAEL_INLINE_LAMBDA { PutSignedSubscales(block.Word(48 + v), 4 * v, runs); });
  }
};
struct StripQ2_K : InterleavedFormat<FormatQ2_K, 2> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t piece) {
    return MovedBits(block.Word(4 + 8 * piece + G % 8), -2 * static_cast<int>(G / 8), 3);
  }
  static void Runs(const StripBlock& block, const StripRuns& runs) {
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA {
      PutSubscales(Nibble(block.Word(v), false), 4 * v, runs);
      PutMinima(Nibble(block.Word(v), true), 4 * v, runs);
    });
  }
  static StripScales Scales(const StripBlock& block) {
    return WithMinusMinima(HalvesOfLanes(block.Word(20)));
  }
};
struct StripQ3_K : InterleavedFormat<FormatQ3_K, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    constexpr int kBit = G / 8;
    const Quad8 low = MovedBits(block.Word(8 + G / 32 * 8 + G % 8), -2 * (kBit % 4), 3);
    return MinusEach(OrBits(low, MovedBits(block.Word(G % 8), 2 - kBit, 4)), 4);
  }
  static void Runs(const StripBlock& block, const StripRuns& runs) {
    const Quad8 u0 = block.Word(24), u1 = block.Word(25), u2 = block.Word(26);
    ForEach<4>([&](auto v) TAEL_INLINE_LAMBDA {
      const Quad8 nibble = Nibble(v % 2 == 0 ? u0 : u1, v >= 2);
      const Quad8 scale = OrBits(nibble, MovedBits(u2, 4 - 2 * static_cast<int>(v), 0x30));
      PutSignedSubscales(MinusEach(scale, 32), 4 * v, runs);
    });
  }
};
struct StripIQ4_XS : InterleavedFormat<FormatIQ4_XS, 1> {
  template <size_t G>
  static Quad8 Quad(const StripBlock& block, size_t) {
    return LookUp(kIq4Levels, Nibble(block.Word(2 + G / 8 * 4 + G % 4), G % 8 >= 4));
  }
  static void Runs(const StripBlock& block, const StripRuns& runs) {
    // Scale g: nibble g of word 1 and bits 16 + 2g, 17 + 2g of word 0.
    const Quad8 low = block.Word(1), high = block.Word(0);
    const auto scale = [](uint8x16_t l, uint8x16_t h, int g) {
      const uint32x4_t nibble =
          vandq_u32(vshlq_u32(vreinterpretq_u32_u8(l), vdupq_n_s32(-4 * g)), vdupq_n_u32(15));
      const uint32x4_t top =
          vandq_u32(vshlq_u32(vreinterpretq_u32_u8(h), vdupq_n_s32(-16 - 2 * g)), vdupq_n_u32(3));
      return vsubq_s32(vreinterpretq_s32_u32(vorrq_u32(nibble, vshlq_n_u32(top, 4))),
                       vdupq_n_s32(32));
    };
    ForEach<8>([&](auto g) TAEL_INLINE_LAMBDA {
      runs.subscale[g] = {scale(low.lo, high.lo, g), scale(low.hi, high.hi, g)};
    });
  }
  static StripScales Scales(const StripBlock& block) {
    return {HalvesOfLanes(block.Word(0)).d, ZeroFloats()};
  }
};

}  // namespace
}  // namespace tael::TAEL_ISA
