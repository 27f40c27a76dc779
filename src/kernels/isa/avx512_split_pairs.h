// Pairs of BF16 numbers (impl/matmul_bf16.inl.h) by AVX-512 without its BF16 instructions. Included
// inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Sixteen pairs, and the first or the second elements of each as floats.
struct Pairs16 {
  __m512i v;
};
inline Pairs16 LoadPairs(const uint32_t* p) { return {_mm512_load_si512(p)}; }
inline Pairs16 SplatPair(const uint16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return {_mm512_set1_epi32(pair)};
}
inline F32x16 FirstOfPairs(const Pairs16& pairs) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs.v, 16))};
}
inline F32x16 SecondOfPairs(const Pairs16& pairs) {
  const __m512i second = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u));
  return {_mm512_castsi512_ps(_mm512_and_si512(pairs.v, second))};
}

}  // namespace
}  // namespace tael::TAEL_ISA
