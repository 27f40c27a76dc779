// The entry point of the block encoders: chooses the format, weighs the errors of a block.
namespace tael::TAEL_ISA {
namespace {

// What an error of each weight costs. All zero would leave nothing to fit, so it counts as equal.
inline void WeighErrors(const float* x, const float* importance, int n, float* w) {
  if (importance == nullptr) {
    for (int i = 0; i < n; ++i) w[i] = 1;
    return;
  }
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += importance[i];
  const float mean = sum / static_cast<float>(n);
  for (int i = 0; i < n; ++i) {
    // Relative, so that products stay in range; a little for columns that were never active.
    w[i] = mean > 0 ? importance[i] / mean + 1e-4f : 1.0f;
  }
  (void)x;
}

template <class Block, int kElements>
inline void EncodeAll(const float* x, const float* importance, int64_t count, uint8_t* out) {
  float w[kElements];
  for (int64_t b = 0; b < count / kElements; ++b) {
    const float* values = x + b * kElements;
    WeighErrors(values, importance == nullptr ? nullptr : importance + b * kElements, kElements, w);
    Block block;
    EncodeBlock(values, w, &block);
    std::memcpy(out + b * static_cast<int64_t>(sizeof(block)), &block, sizeof(block));
  }
}

void EncodeBlocks(DType dtype, const float* x, const float* importance, int64_t count,
                  uint8_t* out) noexcept {
  // clang-format off: one line per format.
  switch (dtype) {
    case DType::kQ4_0: return EncodeAll<BlockQ4_0, 32>(x, importance, count, out);
    case DType::kQ4_1: return EncodeAll<BlockQ4_1, 32>(x, importance, count, out);
    case DType::kQ5_0: return EncodeAll<BlockQ5_0, 32>(x, importance, count, out);
    case DType::kQ5_1: return EncodeAll<BlockQ5_1, 32>(x, importance, count, out);
    case DType::kQ2_K: return EncodeAll<BlockQ2_K, 256>(x, importance, count, out);
    case DType::kQ3_K: return EncodeAll<BlockQ3_K, 256>(x, importance, count, out);
    case DType::kQ4_K: return EncodeAll<BlockQ4_K, 256>(x, importance, count, out);
    case DType::kQ5_K: return EncodeAll<BlockQ5_K, 256>(x, importance, count, out);
    case DType::kQ6_K: return EncodeAll<BlockQ6_K, 256>(x, importance, count, out);
    case DType::kIQ1_S: return EncodeAll<BlockIQ1_S, 256>(x, importance, count, out);
    case DType::kIQ1_M: return EncodeAll<BlockIQ1_M, 256>(x, importance, count, out);
    case DType::kIQ2_XXS: return EncodeAll<BlockIQ2_XXS, 256>(x, importance, count, out);
    case DType::kIQ2_XS: return EncodeAll<BlockIQ2_XS, 256>(x, importance, count, out);
    case DType::kIQ2_S: return EncodeAll<BlockIQ2_S, 256>(x, importance, count, out);
    case DType::kIQ3_XXS: return EncodeAll<BlockIQ3_XXS, 256>(x, importance, count, out);
    case DType::kIQ3_S: return EncodeAll<BlockIQ3_S, 256>(x, importance, count, out);
    case DType::kIQ4_NL: return EncodeAll<BlockIQ4_NL, 32>(x, importance, count, out);
    case DType::kIQ4_XS: return EncodeAll<BlockIQ4_XS, 256>(x, importance, count, out);
    case DType::kNVFP4: return EncodeAll<BlockNVFP4, 64>(x, importance, count, out);
    case DType::kQ1_0: return EncodeAll<BlockQ1_0, 128>(x, importance, count, out);
    case DType::kQ2_0: return EncodeAll<BlockQ2_0, 64>(x, importance, count, out);
    default: return;
  }
  // clang-format on
}

}  // namespace
}  // namespace tael::TAEL_ISA
