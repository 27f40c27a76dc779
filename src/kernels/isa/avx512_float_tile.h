// Tiles of large float products (impl/matmul_float_blocks.inl.h) for 32 registers of 16 lanes.
// Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

inline constexpr size_t kBlockTileRows = 4, kBlockTileActs = 6, kPartLanes = 16;
// Elements of a row that a tile passes over: six rows of them stay in the first-level cache.
inline constexpr size_t kBlockSpan = 1024;

using LanePart = F32x16;
inline LanePart ZeroPart() { return Zero(); }
inline LanePart SplatPart(float value) { return Splat(value); }
inline LanePart AddPart(const LanePart& a, const LanePart& b) { return Add(a, b); }
inline LanePart LoadPart(const float* p) { return LoadOnce(p); }
inline void StorePart(const LanePart& v, float* p) { Store(v, p); }
inline LanePart FmaPart(const LanePart& a, const LanePart& b, const LanePart& c) {
  return Fma(a, b, c);
}
template <size_t Part>
inline LanePart PartOf(const F32x16& v) {
  return v;
}
template <class Element, size_t Part>
inline LanePart LoadPartAs(const uint8_t* p) {
  return LoadAs<Element>(p);
}

// out[i] = lane sum of v[i] (numerics.md, 2).
inline void ReduceSixteen(const F32x16* v, float* out) { _mm512_storeu_ps(out, ReduceAdd16(v)); }

}  // namespace
}  // namespace tael::TAEL_ISA
