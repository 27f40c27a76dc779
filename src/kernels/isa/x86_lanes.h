// Searches among the lanes of a vector without NaN, on x86. Included inside a target region only,
// after the 16-lane vector.
namespace tael::TAEL_ISA {
namespace {

inline float LargestNumber(const F32x16& v) {
  const __m256 eight = _mm256_max_ps(LowerHalf(v), UpperHalf(v));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

// The first lane that equals `value`, which one of them does.
inline int FirstLaneOf(const F32x16& v, float value) {
  const auto equal = [value](__m256 half) {
    return static_cast<uint32_t>(
        _mm256_movemask_ps(_mm256_cmp_ps(half, _mm256_set1_ps(value), _CMP_EQ_OQ)));
  };
  return __builtin_ctz(equal(LowerHalf(v)) | equal(UpperHalf(v)) << 8);
}

}  // namespace
}  // namespace tael::TAEL_ISA
