// Primitives of the measuring loops (impl/probe.inl.h) on AVX-512 with VNNI. Included inside a
// target region only.
namespace tael::TAEL_ISA {
namespace {

using ReadVector = __m512i;
inline ReadVector LoadRead(const uint8_t* p) { return _mm512_loadu_si512(p); }
inline ReadVector XorRead(ReadVector a, ReadVector b) { return _mm512_xor_si512(a, b); }
inline uint64_t FoldRead(ReadVector v) {
  uint64_t words[8], all = 0;
  _mm512_storeu_si512(words, v);
  for (const uint64_t word : words) all ^= word;
  return all;
}

inline constexpr size_t kFmaChains = 12;

// One register of 64 bytes each; more chains than the latency of the instruction needs.
inline constexpr size_t kProbeSums = 16;
using ProbeSum = I32x16;
inline constexpr int kProbeFactor = 3;

inline ProbeSum AddByteProducts(ProbeSum sum, const uint8_t* w) {
  return AddQuads(sum, LoadInts16(w), {_mm512_set1_epi8(kProbeFactor)});
}
// Four products are added at once whatever the weights.
inline ProbeSum AddSmallByteProducts(ProbeSum sum, const uint8_t* w) {
  return AddByteProducts(sum, w);
}
inline uint32_t FoldSum(ProbeSum sum) {
  uint32_t ints[16], total = 0;
  _mm512_storeu_si512(ints, sum.v);
  for (const uint32_t value : ints) total += value;
  return total;
}

}  // namespace
}  // namespace tael::TAEL_ISA
