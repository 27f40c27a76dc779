// Primitives of the measuring loops (impl/probe.inl.h) on AVX2. Included inside a target region
// only.
namespace tael::TAEL_ISA {
namespace {

using ReadVector = __m256i;
inline ReadVector LoadRead(const uint8_t* p) { return LoadBytes(p); }
inline ReadVector XorRead(ReadVector a, ReadVector b) { return _mm256_xor_si256(a, b); }
inline uint64_t FoldRead(ReadVector v) {
  const __m128i two = _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(two) ^ _mm_extract_epi64(two, 1));
}

// Twelve registers of sums; four are left for the factors.
inline constexpr size_t kFmaChains = 6;

// Eight sums; each takes 128 bytes per round, in four registers.
inline constexpr size_t kProbeSums = 8;
using ProbeSum = Ints8;
inline constexpr int kProbeFactor = 3;

inline ProbeSum AddByteProducts(ProbeSum sum, const uint8_t* w) {
  const Bytes32 q = _mm256_set1_epi8(kProbeFactor);
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    sum = AddInts(sum, MulWordPairs(MulBytePairs(LoadBytes(w + 32 * i), q), SplatWords(1)));
  });
  return sum;
}
// Four products of pairs in 16 bits, at most 4 * 2 * 31 * 127 = 31496, before they are widened.
inline ProbeSum AddSmallByteProducts(ProbeSum sum, const uint8_t* w) {
  const Bytes32 q = _mm256_set1_epi8(kProbeFactor);
  Words16 words = MulBytePairs(LoadBytes(w), q);
  ForEach<3>([&](auto i) TAEL_INLINE_LAMBDA {
    words = AddWords(words, MulBytePairs(LoadBytes(w + 32 * (i + 1)), q));
  });
  return AddInts(sum, MulWordPairs(words, SplatWords(1)));
}
inline uint32_t FoldSum(ProbeSum sum) {
  uint32_t ints[8], total = 0;
  StoreBytes(sum, ints);
  for (const uint32_t value : ints) total += value;
  return total;
}

}  // namespace
}  // namespace tael::TAEL_ISA
