// Pairs of BF16 numbers (impl/bf16_product.inl.h) by AVX2. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Sixteen pairs, and the first or the second elements of each as floats.
struct Pairs16 {
  __m256i lo, hi;
};
inline Pairs16 LoadPairs(const uint32_t* p) {
  return {_mm256_load_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_load_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
inline Pairs16 SplatPair(const uint16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  const __m256i v = _mm256_set1_epi32(pair);
  return {v, v};
}
inline F32x16 FirstOfPairs(const Pairs16& pairs) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs.lo, 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(pairs.hi, 16))};
}
inline F32x16 SecondOfPairs(const Pairs16& pairs) {
  const __m256i second = _mm256_set1_epi32(static_cast<int32_t>(0xffff0000u));
  return {_mm256_castsi256_ps(_mm256_and_si256(pairs.lo, second)),
          _mm256_castsi256_ps(_mm256_and_si256(pairs.hi, second))};
}

// Sixteen dwords of each of sixteen rows, `offset` bytes behind their pointers: dword i of all rows
// goes to out[i * Strips].
template <size_t Strips>
[[gnu::always_inline]] inline void TransposePairs(const uint8_t* const* rows, size_t offset,
                                                  uint32_t (*out)[16]) {
  const auto quarter = [&](size_t row, size_t q) TAEL_INLINE_LAMBDA {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset + 16 * q));
  };
  // Eight rows: quarter q of rows i and i + 4 are the halves of v[i]; four by four dwords are
  // transposed within each half.
  ForEach<8>([&](auto part) TAEL_INLINE_LAMBDA {
    constexpr size_t q = part / 2, first = part % 2 * 8;
    __m256i v[4];
    ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
      v[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(first + i, q)),
                                     quarter(first + i + 4, q), 1);
    });
    const __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
    const __m256i c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);
    const auto store = [&](size_t i, __m256i dwords) TAEL_INLINE_LAMBDA {
      _mm256_store_si256(reinterpret_cast<__m256i*>(&out[(4 * q + i) * Strips][first]), dwords);
    };
    store(0, _mm256_unpacklo_epi64(a, c));
    store(1, _mm256_unpackhi_epi64(a, c));
    store(2, _mm256_unpacklo_epi64(b, d));
    store(3, _mm256_unpackhi_epi64(b, d));
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
