// Reading of scales and words for the decoders of packed matrices. Like all of packed/*.inl.h it is
// compiled once per instruction set, in namespace TAEL_ISA: plain C++ that compilers vectorise. The
// files around it include what it needs.
namespace tael::TAEL_ISA {
namespace {

inline uint32_t LoadWord(const uint8_t* p) noexcept {
  uint32_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

// A scale of any type that files use, in float32: exact.
inline float LoadScale(DType dtype, const uint8_t* p) noexcept {
  switch (dtype) {
    case DType::kF16:
    case DType::kBF16: {
      uint16_t bits;
      std::memcpy(&bits, p, sizeof(bits));
      return dtype == DType::kF16 ? HalfToFloat(bits) : Bf16ToFloat(bits);
    }
    case DType::kF8E8M0:
      return E8M0ToFloat(*p);
    case DType::kF8E4M3:
      return E4M3ToFloat(*p);
    default:
      return std::bit_cast<float>(LoadWord(p));
  }
}

inline int64_t ScaleBytes(DType dtype) noexcept {
  if (dtype == DType::kF32) return 4;
  return dtype == DType::kF16 || dtype == DType::kBF16 ? 2 : 1;
}

}  // namespace
}  // namespace tael::TAEL_ISA
