// Vectors of strips, whose rows are interleaved by eight (quant/interleave.h), on AVX2: every
// register holds the same piece of eight rows, a lane each. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// A block of a strip: the words and the odd bytes of eight rows.
struct StripBlock {
  const uint8_t *words, *odd;
  Bytes32 Word(size_t i) const { return LoadBytes(words + 32 * i); }
  Bytes32 Bits(size_t i) const { return Word(i); }  // that belong to all groups
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
inline Bytes32 OrBits(Bytes32 a, Bytes32 b) { return _mm256_or_si256(a, b); }
inline Bytes32 AddToBytes(Bytes32 v, int value) {
  return _mm256_add_epi8(v, _mm256_set1_epi8(static_cast<char>(value)));
}
// Words shifted to the left by `Count` bits, to the right if it is negative.
template <int Count>
inline Bytes32 ShiftWords(Bytes32 v) {
  if constexpr (Count >= 0) {
    return _mm256_slli_epi16(v, Count);
  } else {
    return _mm256_srli_epi16(v, -Count);
  }
}
inline Bytes32 Nibble(Bytes32 both, bool high) {
  return MaskBytes(high ? _mm256_srli_epi16(both, 4) : both, 15);
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

}  // namespace
}  // namespace tael::TAEL_ISA
