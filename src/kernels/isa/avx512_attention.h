// Tiles of attention (impl/attention_tiles.inl.h) for 32 registers of 16 lanes. Included inside a
// target region only.
namespace tael::TAEL_ISA {
namespace {

// Every tile has sixteen sums: one tree ends them all.
inline constexpr size_t kAttentionTileRows = 4, kValueGroups = 4;
inline constexpr size_t kStoredRows = 8;
inline constexpr size_t kScoreKeys[] = {0, 16, 8, 0, 4}, kScorePass[] = {0, 8, 8, 0, 4};
// The tile for a rest of `rows` rows; three are four of which two are the same.
inline size_t AttentionTile(size_t rows) { return rows < 3 ? rows : 4; }

// Lane 4k + e of the result: the tree's end for v[4k + e].
inline __m512 ReduceAdd16(const F32x16* v) {
  __m512 four[4];  // [e]: the four partial sums of v[e], v[4 + e], v[8 + e], v[12 + e]
  ForEach<4>([&](auto e) TAEL_INLINE_LAMBDA {
    __m512 eight[2];  // [h]: eight each of v[8h + e] and v[8h + 4 + e]
    ForEach<2>([&](auto h) TAEL_INLINE_LAMBDA {
      const __m512 a = v[8 * h + e].v, b = v[8 * h + 4 + e].v;
      eight[h] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    });
    four[e] = _mm512_add_ps(_mm512_shuffle_f32x4(eight[0], eight[1], 0x88),
                            _mm512_shuffle_f32x4(eight[0], eight[1], 0xdd));
  });
  __m512 two[2];  // [h]: two each of four[2h] and four[2h + 1]
  ForEach<2>([&](auto h) TAEL_INLINE_LAMBDA {
    const __m512d a = _mm512_castps_pd(four[2 * h]), b = _mm512_castps_pd(four[2 * h + 1]);
    two[h] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                           _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
  });
  return _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88),
                       _mm512_shuffle_ps(two[0], two[1], 0xdd));
}

// out[r][at + i] = lane sum of sums[r * kScoreKeys[Rows] + i] (numerics.md, 2).
template <size_t Rows>
inline void ReduceTile(const F32x16* sums, size_t at, float* const (&out)[Rows]) {
  const __m512 all = ReduceAdd16(sums);
  if constexpr (Rows == 1) {
    _mm512_storeu_ps(out[0] + at, all);
  } else if constexpr (Rows == 2) {
    _mm256_storeu_ps(out[0] + at, LowerHalf({all}));
    _mm256_storeu_ps(out[1] + at, UpperHalf({all}));
  } else {
    ForEach<4>([&](auto r) TAEL_INLINE_LAMBDA {
      _mm_storeu_ps(out[r] + at, _mm512_extractf32x4_ps(all, r));
    });
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
