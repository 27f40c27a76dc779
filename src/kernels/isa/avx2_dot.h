// Products of bytes and of words that are added up, on AVX2; VNNI has one instruction for each
// (avx512_dot.h). Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Floats of the weight rows of a panel.
using PanelLanes = Floats8;

// Int i = sum of w[4i + e] * q[4i + e] for e < 4. Exact when 2 * max(w) * 127 < 32768.
inline Ints8 DotQuads(Bytes32 unsigned_w, Bytes32 q) {
  return MulWordPairs(MulBytePairs(unsigned_w, q), SplatWords(1));
}
// Int i = sum[i] + a[2i] * b[2i] + a[2i+1] * b[2i+1].
inline Ints8 AddWordPairs(Ints8 sum, Words16 a, Words16 b) {
  return AddInts(sum, MulWordPairs(a, b));
}
// The first `count` floats; all eight if there are more.
inline void StoreFloats(Floats8 v, float* p, size_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(p, v);
  } else {
    _mm256_maskstore_ps(p, LaneMask(count, 0), v);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
