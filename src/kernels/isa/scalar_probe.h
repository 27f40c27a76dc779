// Primitives of the measuring loops (impl/probe.inl.h) in plain C++. Included inside a table file
// only.
namespace tael::TAEL_ISA {
namespace {

using ReadVector = uint64_t;
inline ReadVector LoadRead(const uint8_t* p) {
  ReadVector word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}
inline ReadVector XorRead(ReadVector a, ReadVector b) { return a ^ b; }
inline uint64_t FoldRead(ReadVector v) { return v; }

inline constexpr size_t kFmaChains = 2;

inline constexpr size_t kProbeSums = 8;
using ProbeSum = uint32_t;
inline constexpr int kProbeFactor = 3;

inline ProbeSum AddByteProducts(ProbeSum sum, const uint8_t* w) {
  int32_t products = 0;
  for (size_t i = 0; i < kProbeWeightBytes / kProbeSums; ++i) products += w[i] * kProbeFactor;
  return sum + static_cast<uint32_t>(products);
}
inline ProbeSum AddSmallByteProducts(ProbeSum sum, const uint8_t* w) {
  return AddByteProducts(sum, w);
}
inline uint32_t FoldSum(ProbeSum sum) { return sum; }

}  // namespace
}  // namespace tael::TAEL_ISA
