// Pairs of BF16 numbers (impl/bf16_product.inl.h) in plain C++. Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

// The numbers flush by themselves.
struct FlushDenormals {
  FlushDenormals() {}
};

inline F32x16 FlushedFma(const F32x16& a, const F32x16& b, const F32x16& c) {
  return Map([](float x, float y, float z) { return tael::FlushedFma(x, y, z); }, a, b, c);
}
inline F32x16 FlushedAdd(const F32x16& a, const F32x16& b) {
  return Map([](float x, float y) { return tael::FlushedAdd(x, y); }, a, b);
}

// Sixteen pairs, and the first or the second elements of each as floats.
struct Pairs16 {
  uint32_t lane[kLanes];
};
inline Pairs16 LoadPairs(const uint32_t* p) {
  Pairs16 out;
  std::memcpy(out.lane, p, sizeof(out.lane));
  return out;
}
inline Pairs16 SplatPair(const uint16_t* p) {
  Pairs16 out;
  for (uint32_t& lane : out.lane) std::memcpy(&lane, p, sizeof(lane));
  return out;
}
inline F32x16 FirstOfPairs(const Pairs16& pairs) {
  F32x16 out;
  for (size_t i = 0; i < kLanes; ++i) {
    out.lane[i] = FlushDenormal(std::bit_cast<float>(pairs.lane[i] << 16));
  }
  return out;
}
inline F32x16 SecondOfPairs(const Pairs16& pairs) {
  F32x16 out;
  for (size_t i = 0; i < kLanes; ++i) {
    out.lane[i] = FlushDenormal(std::bit_cast<float>(pairs.lane[i] & 0xffff0000u));
  }
  return out;
}

}  // namespace
}  // namespace tael::TAEL_ISA
