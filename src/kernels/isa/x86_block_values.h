// What a format of avx2_formats.h holds, as arrays in natural order, for whoever wants values
// instead of products. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// w[e] = the weight of element e.
template <class F>
[[gnu::always_inline]] inline void PlainWeights(const F& f, const uint8_t* block, size_t r,
                                                int8_t (&w)[F::kSize]) {
  Bytes32 unpacked[F::kSize / 32];
  f.Weights(block, r, unpacked);
  ForEach<F::kSize / 32>([&](auto c) TAEL_INLINE_LAMBDA {
    const __m256i plain = _mm256_sub_epi8(unpacked[c], _mm256_set1_epi8(F::kOffset));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(w + 32 * c), plain);
  });
}

// Sub-scales and minima of the 16 runs, which the format keeps as even runs | odd runs.
template <class F>
[[gnu::always_inline]] inline void PlainRuns(const F& f, const uint8_t* block, size_t r,
                                             int16_t (&subscale)[16], int16_t (&minimum)[16]) {
  RunScales runs;
  f.Runs(block, r, &runs);
  const auto write = [](Words16 sorted, int16_t* out) {
    const __m128i even = _mm256_castsi256_si128(sorted), odd = _mm256_extracti128_si256(sorted, 1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi16(even, odd));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8), _mm_unpackhi_epi16(even, odd));
  };
  write(runs.subscale, subscale);
  if constexpr (F::kMinimum) write(runs.minimum, minimum);
}

}  // namespace
}  // namespace tael::TAEL_ISA
