// Pairs of BF16 numbers for the forms of impl/matmul_bf16_pairs.inl.h by AVX512-BF16. Included
// inside a target region only.
namespace tael::TAEL_ISA {
namespace {

struct Pairs16 {
  __m512bh v;
};
inline Pairs16 LoadPairs(const uint32_t* p) {
  __m512i v = _mm512_load_si512(p);
  asm("" : "+v"(v));  // for several uses, as LoadOnce()
  return {(__m512bh)v};
}
// The pair at p in every lane.
inline Pairs16 SplatPair(const uint16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  __m512i v = _mm512_set1_epi32(pair);
  asm("" : "+v"(v));
  return {(__m512bh)v};
}
// Per lane: the product of the second elements is added first, then that of the first ones, each
// fused; denormals are zero before and after, whatever MXCSR says (Intel SDM, VDPBF16PS).
inline F32x16 AddPairProducts(const F32x16& sum, const Pairs16& a, const Pairs16& b) {
  return {_mm512_dpbf16_ps(sum.v, a.v, b.v)};
}

}  // namespace
}  // namespace tael::TAEL_ISA
