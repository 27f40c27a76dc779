// Integer primitives on AVX2: 32 bytes, 16 words, 8 ints, 8 floats per register. Lanes of Ints8 and
// Floats8 stand for eight weight rows. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

using Bytes32 = __m256i;
using Words16 = __m256i;
using Ints8 = __m256i;
using Floats8 = __m256;

inline constexpr size_t kRowTile = 8;  // weight rows computed side by side

inline Bytes32 LoadBytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline __m128i Load16Bytes(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline void StoreBytes(Bytes32 v, void* p) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
// The same 4 bytes in every lane.
inline Bytes32 Broadcast4Bytes(const void* p) {
  int32_t value;
  std::memcpy(&value, p, sizeof(value));
  return _mm256_set1_epi32(value);
}

inline Ints8 ZeroInts() { return _mm256_setzero_si256(); }
inline Ints8 SplatInts(int32_t value) { return _mm256_set1_epi32(value); }
inline Words16 SplatWords(int value) { return _mm256_set1_epi16(static_cast<int16_t>(value)); }
inline Ints8 AddInts(Ints8 a, Ints8 b) { return _mm256_add_epi32(a, b); }
inline Ints8 SubInts(Ints8 a, Ints8 b) { return _mm256_sub_epi32(a, b); }
inline Words16 AddWords(Words16 a, Words16 b) { return _mm256_add_epi16(a, b); }
inline Words16 MulWords(Words16 a, Words16 b) { return _mm256_mullo_epi16(a, b); }

// Word i = w[2i] * q[2i] + w[2i+1] * q[2i+1]. Exact when 2 * max(w) * 127 < 32768.
inline Words16 MulBytePairs(Bytes32 unsigned_w, Bytes32 q) {
  return _mm256_maddubs_epi16(unsigned_w, q);
}
// The same for signed weights: |w| * (q with the sign of w). |w| <= 128: 2 * 128 * 127 = 32512
// fits. -128 becomes 128 as an unsigned byte.
inline Bytes32 Magnitudes(Bytes32 w) { return _mm256_abs_epi8(w); }
inline Bytes32 WithSignOf(Bytes32 w, Bytes32 q) { return _mm256_sign_epi8(q, w); }
// Int i = a[2i] * b[2i] + a[2i+1] * b[2i+1].
inline Ints8 MulWordPairs(Words16 a, Words16 b) { return _mm256_madd_epi16(a, b); }

// Has the compiler finish v here. Left alone, it puts off the additions of a long sum and has to
// spill the terms: a third of the speed of a product.
inline void Settle([[maybe_unused]] __m256i& v) {
#ifndef TAEL_EMULATED_REGISTERS  // a test has arrays in their place
  asm("" : "+v"(v));
#endif
}

inline Floats8 ZeroFloats() { return _mm256_setzero_ps(); }
inline Floats8 SplatFloats(float value) { return _mm256_set1_ps(value); }
inline Floats8 ToFloats(Ints8 v) { return _mm256_cvtepi32_ps(v); }  // nearest even
inline Floats8 MulFloats(Floats8 a, Floats8 b) { return _mm256_mul_ps(a, b); }
inline Floats8 AddFloats(Floats8 a, Floats8 b) { return _mm256_add_ps(a, b); }
inline Floats8 FmaFloats(Floats8 a, Floats8 b, Floats8 c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats8 NegateFloats(Floats8 v) { return _mm256_xor_ps(v, _mm256_set1_ps(-0.0f)); }
inline Floats8 LoadFloats(const float* p) { return _mm256_loadu_ps(p); }

// Lane r = sum of the eight ints of v[r].
inline Ints8 SumEach(const Ints8 (&v)[kRowTile]) {
  const __m256i a = _mm256_hadd_epi32(v[0], v[1]), b = _mm256_hadd_epi32(v[2], v[3]);
  const __m256i c = _mm256_hadd_epi32(v[4], v[5]), d = _mm256_hadd_epi32(v[6], v[7]);
  const __m256i ab = _mm256_hadd_epi32(a, b);  // halves of rows 0..3 | the other halves
  const __m256i cd = _mm256_hadd_epi32(c, d);
  return _mm256_add_epi32(_mm256_permute2x128_si256(ab, cd, 0x20),
                          _mm256_permute2x128_si256(ab, cd, 0x31));
}

// Sums or scales of 16 runs in natural order, sorted into even runs | odd runs: the order in which
// SpreadRuns finds the two scales of 32 elements by one shuffle.
inline Words16 SortRuns(Words16 natural) {
  const __m256i even_odd = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
  return _mm256_permute4x64_epi64(_mm256_shuffle_epi8(natural, even_odd), 0xd8);
}
// The scales of elements 32c .. 32c + 31, eight words each.
inline Words16 SpreadRuns(Words16 sorted, int c) {
  return _mm256_shuffle_epi8(sorted, _mm256_set1_epi16(static_cast<int16_t>(c * 0x202 + 0x100)));
}
// Words of lanes (2i, 2i+1) for the runs (2c, 2c+1) and the two doublings, from eight sorted rows.
inline Words16 EvenTwice(Words16 t) {
  const __m256i v = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(t));
  return _mm256_or_si256(v, _mm256_slli_epi32(v, 16));
}
inline Words16 OddTwice(Words16 t) {
  const __m256i v = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(t, 1));
  return _mm256_or_si256(v, _mm256_slli_epi32(v, 16));
}
inline Words16 EvenAndOdd(Words16 t) {
  const __m256i even = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(t));
  const __m256i odd = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(t, 1));
  return _mm256_or_si256(even, _mm256_slli_epi32(odd, 16));
}

// v[c] word r of each half = v[r] word c of that half.
inline void TransposeWords(Words16 (&v)[8]) {
  __m256i a[8], b[8];
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    a[2 * i] = _mm256_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
  });
  ForEach<2>([&](auto h) TAEL_INLINE_LAMBDA {  // rows 0-3, rows 4-7
    b[4 * h] = _mm256_unpacklo_epi32(a[4 * h], a[4 * h + 2]);
    b[4 * h + 1] = _mm256_unpackhi_epi32(a[4 * h], a[4 * h + 2]);
    b[4 * h + 2] = _mm256_unpacklo_epi32(a[4 * h + 1], a[4 * h + 3]);
    b[4 * h + 3] = _mm256_unpackhi_epi32(a[4 * h + 1], a[4 * h + 3]);
  });
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    v[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
    v[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
  });
}

// out[g] int r = v[r] int g: groups of four bytes of eight rows side by side.
inline void TransposeInts(const Ints8 (&v)[8], Ints8* out) {
  __m256i a[8], b[8];
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    a[2 * i] = _mm256_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
  });
  ForEach<2>([&](auto h) TAEL_INLINE_LAMBDA {
    b[4 * h] = _mm256_unpacklo_epi64(a[4 * h], a[4 * h + 2]);
    b[4 * h + 1] = _mm256_unpackhi_epi64(a[4 * h], a[4 * h + 2]);
    b[4 * h + 2] = _mm256_unpacklo_epi64(a[4 * h + 1], a[4 * h + 3]);
    b[4 * h + 3] = _mm256_unpackhi_epi64(a[4 * h + 1], a[4 * h + 3]);
  });
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA {
    out[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
    out[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
  });
}

// The floats at rows[r] + offset.
inline Floats8 GatherFloats(const uint8_t* const (&rows)[kRowTile], size_t offset) {
  float d[kRowTile];
  ForEach<kRowTile>(
      [&](auto r) TAEL_INLINE_LAMBDA { std::memcpy(&d[r], rows[r] + offset, sizeof(float)); });
  return _mm256_setr_ps(d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}
// The binary16 numbers at rows[r] + offset, as floats.
inline Floats8 GatherHalves(const uint8_t* const (&rows)[kRowTile], size_t offset) {
  uint16_t h[kRowTile];
  ForEach<kRowTile>(
      [&](auto r) TAEL_INLINE_LAMBDA { std::memcpy(&h[r], rows[r] + offset, sizeof(uint16_t)); });
  const __m128i v = _mm_setr_epi16(static_cast<int16_t>(h[0]), static_cast<int16_t>(h[1]),
                                   static_cast<int16_t>(h[2]), static_cast<int16_t>(h[3]),
                                   static_cast<int16_t>(h[4]), static_cast<int16_t>(h[5]),
                                   static_cast<int16_t>(h[6]), static_cast<int16_t>(h[7]));
  return _mm256_cvtph_ps(v);
}
// 2^(e - 128) for the numbers e of 0 to 255.
inline Floats8 HalvedE8M0s(Ints8 e) {
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), e);  // e is 0 or 1
  return _mm256_castsi256_ps(
      _mm256_blendv_epi8(normal, tiny, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
}
// The same for the bytes at rows[r] + offset.
inline Floats8 GatherHalvedE8M0(const uint8_t* const (&rows)[kRowTile], size_t offset) {
  return HalvedE8M0s(_mm256_setr_epi32(rows[0][offset], rows[1][offset], rows[2][offset],
                                       rows[3][offset], rows[4][offset], rows[5][offset],
                                       rows[6][offset], rows[7][offset]));
}

}  // namespace
}  // namespace tael::TAEL_ISA
