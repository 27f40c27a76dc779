// What products of tiles need of AVX-512 besides avx512_strips.h: weights multiplied by their
// sub-scales. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Of one run of sixteen rows, a lane each.
struct RunFactors {
  Bytes64 even, odd;  // the sub-scale as byte 0 and 2, as byte 1 and 3; the other bytes are 0
  Bytes64 shifted;    // words: sub-scale * shift
};
inline RunFactors FactorsOf(I32x16 subscale, int shift) {
  const __m512i byte = _mm512_and_si512(subscale.v, _mm512_set1_epi32(0xff));
  const __m512i even = _mm512_or_si512(byte, _mm512_slli_epi32(byte, 16));
  const __m512i words = _mm512_and_si512(subscale.v, _mm512_set1_epi32(0xffff));
  const __m512i twins = _mm512_or_si512(words, _mm512_slli_epi32(words, 16));
  return {even, _mm512_slli_epi16(even, 8), MulWordsBy(twins, shift)};
}
inline I32x16 NegateInts(I32x16 v) { return {_mm512_sub_epi32(_mm512_setzero_si512(), v.v)}; }

// sub-scale * (w - shift) of each byte of w, which has no sign: even and odd bytes, as words.
struct ScaledBytes {
  Bytes64 even, odd;
};
template <bool Shifted>
[[gnu::always_inline]] inline ScaledBytes ScaleBytes(Bytes64 w, const RunFactors& factors) {
  ScaledBytes out{_mm512_maddubs_epi16(w, factors.even), _mm512_maddubs_epi16(w, factors.odd)};
  if constexpr (Shifted) {
    out.even = _mm512_sub_epi16(out.even, factors.shifted);
    out.odd = _mm512_sub_epi16(out.odd, factors.shifted);
  }
  return out;
}
// The low byte of each word, in the order of the weights; the high one.
[[gnu::always_inline]] inline I32x16 LowBytes(const ScaledBytes& v) {
  return {_mm512_or_si512(_mm512_and_si512(v.even, _mm512_set1_epi16(0xff)),
                          _mm512_slli_epi16(v.odd, 8))};
}
[[gnu::always_inline]] inline I32x16 HighBytes(const ScaledBytes& v) {
  return {_mm512_or_si512(_mm512_srli_epi16(v.even, 8),
                          _mm512_and_si512(v.odd, _mm512_set1_epi16(-256)))};
}
// low + 256 * high, the low 32 bits.
inline I32x16 JoinBytes(I32x16 low, I32x16 high) {
  return {_mm512_add_epi32(low.v, _mm512_slli_epi32(high.v, 8))};
}

}  // namespace
}  // namespace tael::TAEL_ISA
