// Integer primitives that VNNI and 512-bit registers add to those of avx2_integer.h, which are
// compiled for this instruction set too. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Floats of the weight rows of a panel.
using PanelLanes = F32x16;

// Int i = sum of w[4i + e] * q[4i + e] for e < 4. Nothing saturates.
inline Ints8 DotQuads(Bytes32 unsigned_w, Bytes32 q) {
  return _mm256_dpbusd_epi32(_mm256_setzero_si256(), unsigned_w, q);
}
// Int i = sum[i] + a[2i] * b[2i] + a[2i+1] * b[2i+1].
inline Ints8 AddWordPairs(Ints8 sum, Words16 a, Words16 b) {
  return _mm256_dpwssd_epi32(sum, a, b);
}
// The first `count` floats; all eight if there are more.
inline void StoreFloats(Floats8 v, float* p, size_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(p, v);
  } else {
    _mm256_mask_storeu_ps(p, static_cast<__mmask8>((1u << count) - 1), v);
  }
}
// Signed bytes + 128, as unsigned ones.
inline Bytes32 Add128(Bytes32 v) { return _mm256_xor_si256(v, _mm256_set1_epi8(-128)); }
// The words of lanes 0-7 and 8-15 (two runs of eight sorted rows) as ints.
inline Ints8 EvenInts(Words16 t) { return _mm256_cvtepi16_epi32(_mm256_castsi256_si128(t)); }
inline Ints8 OddInts(Words16 t) { return _mm256_cvtepi16_epi32(_mm256_extracti128_si256(t, 1)); }

// Sixteen ints, the lanes of an F32x16; also sixteen groups of four bytes or two words.
struct I32x16 {
  __m512i v;
};

inline I32x16 ZeroInts16() { return {_mm512_setzero_si512()}; }
inline I32x16 SplatInts16(int32_t value) { return {_mm512_set1_epi32(value)}; }
inline I32x16 LoadInts16(const void* p) { return {_mm512_loadu_si512(p)}; }
// The same 4 bytes in every lane.
inline I32x16 Broadcast4Bytes16(const void* p) {
  int32_t value;
  std::memcpy(&value, p, sizeof(value));
  return SplatInts16(value);
}
// sum + the four products of each lane's unsigned and signed bytes.
inline I32x16 AddQuads(I32x16 sum, I32x16 unsigned_w, I32x16 q) {
  return {_mm512_dpbusd_epi32(sum.v, unsigned_w.v, q.v)};
}
// sum + the two products of each lane's words.
inline I32x16 AddWordPairs(I32x16 sum, I32x16 a, I32x16 b) {
  return {_mm512_dpwssd_epi32(sum.v, a.v, b.v)};
}
// sum + a * b, the low 32 bits.
inline I32x16 AddProducts(I32x16 sum, I32x16 a, I32x16 b) {
  return {_mm512_add_epi32(sum.v, _mm512_mullo_epi32(a.v, b.v))};
}
inline F32x16 ToFloats(I32x16 v) {
  return {_mm512_cvt_roundepi32_ps(v.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

}  // namespace
}  // namespace tael::TAEL_ISA
