// Strips of pairs (impl/bf16_product.inl.h) by AVX-512. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Sixteen dwords of each of sixteen rows, `offset` bytes behind their pointers: dword i of all rows
// goes to out[i * Strips].
template <size_t Strips>
[[gnu::always_inline]] inline void TransposePairs(const uint8_t* const* rows, size_t offset,
                                                  uint32_t (*out)[16]) {
  // Quarters of rows first: lane group g of quarters[q][i] is quarter q of row i + 4 * g. What is
  // left is to transpose four by four dwords within each group.
  const auto quarter = [&](size_t row, size_t q) TAEL_INLINE_LAMBDA {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset + 16 * q));
  };
  ForEach<4>([&](auto q) TAEL_INLINE_LAMBDA {
    __m512i v[4];
    ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
      const __m256i low =
          _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(i, q)), quarter(i + 4, q), 1);
      const __m256i high =
          _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(i + 8, q)), quarter(i + 12, q), 1);
      v[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    });
    const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
    const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
    _mm512_store_si512(out[(4 * q) * Strips], _mm512_unpacklo_epi64(a, c));
    _mm512_store_si512(out[(4 * q + 1) * Strips], _mm512_unpackhi_epi64(a, c));
    _mm512_store_si512(out[(4 * q + 2) * Strips], _mm512_unpacklo_epi64(b, d));
    _mm512_store_si512(out[(4 * q + 3) * Strips], _mm512_unpackhi_epi64(b, d));
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
