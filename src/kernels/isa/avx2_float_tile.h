// Tiles of large float products (impl/matmul_float_blocks.inl.h) for 16 registers of 8 lanes: with
// half of the lanes at a time a tile has twice the outputs, and fewer loads per product. Included
// inside a target region only.
namespace tael::TAEL_ISA {
namespace {

inline constexpr size_t kBlockTileRows = 4, kBlockTileActs = 3, kPartLanes = 8;
// Elements of a row that a tile passes over: its rows stay in the first-level cache for the second
// half of the lanes.
inline constexpr size_t kBlockSpan = 512;

using LanePart = __m256;
inline LanePart ZeroPart() { return _mm256_setzero_ps(); }
inline LanePart SplatPart(float value) { return _mm256_set1_ps(value); }
inline LanePart AddPart(const LanePart& a, const LanePart& b) { return _mm256_add_ps(a, b); }
inline LanePart LoadPart(const float* p) {
  LanePart v = _mm256_loadu_ps(p);
  asm("" : "+x"(v));  // for several uses: see LoadOnce()
  return v;
}
inline void StorePart(const LanePart& v, float* p) { _mm256_storeu_ps(p, v); }
inline LanePart FmaPart(const LanePart& a, const LanePart& b, const LanePart& c) {
  return _mm256_fmadd_ps(a, b, c);
}
template <size_t Part>
inline LanePart PartOf(const F32x16& v) {
  return Part == 0 ? v.lo : v.hi;
}
template <class Element, size_t Part>
inline LanePart LoadPartAs(const uint8_t* p) {
  return Element::Decode8(p + Part * kPartLanes * Element::kBytes);
}

// out[i] = lane sum of v[i] (numerics.md, 2).
inline void ReduceSixteen(const F32x16* v, float* out) {
  ForEach<4>([&](auto g) TAEL_INLINE_LAMBDA { ReduceAdd4(v + 4 * g, out + 4 * g); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
