// The end of the tree of numerics.md, 2, on x86: from four lanes to one. Included inside a target
// region only, after the FoldToFour() of its 16-lane vector.
namespace tael::TAEL_ISA {
namespace {

inline float ReduceAdd(const F32x16& v) {
  const __m128 four = FoldToFour(v);
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
// Four trees side by side.
inline void ReduceAdd4(const F32x16* v, float* out) {
  const __m128 a = FoldToFour(v[0]), b = FoldToFour(v[1]), c = FoldToFour(v[2]),
               d = FoldToFour(v[3]);
  const __m128 ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));  // a0+a2 a1+a3 b0+b2 ..
  const __m128 cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
  _mm_storeu_ps(out, _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xdd)));
}

inline __m128 Max4(__m128 a, __m128 b) {
  return _mm_blendv_ps(_mm_max_ps(a, b), a, _mm_cmpunord_ps(a, a));  // as Max()
}
inline __m128 FoldMaxToFour(const F32x16& v) {
  const __m256 eight = Max8(LowerHalf(v), UpperHalf(v));
  return Max4(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}
// The largest lane of each of four vectors; NaN if any lane is NaN.
inline void ReduceMax4(const F32x16* v, float* out) {
  const __m128 a = FoldMaxToFour(v[0]), b = FoldMaxToFour(v[1]), c = FoldMaxToFour(v[2]),
               d = FoldMaxToFour(v[3]);
  const __m128 ab = Max4(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
  const __m128 cd = Max4(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
  _mm_storeu_ps(out, Max4(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xdd)));
}

}  // namespace
}  // namespace tael::TAEL_ISA
