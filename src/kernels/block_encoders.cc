// Finds the encoders that were compiled for the same instructions as a kernel table.
#include "kernels/block_encoders.h"

#include <cstring>

#include "kernels/block_encoder_tables.h"

namespace tael {

bool CanSearch(DType dtype) {
  switch (dtype) {
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ5_0:
    case DType::kQ5_1:
    case DType::kQ2_K:
    case DType::kQ3_K:
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ6_K:
    case DType::kIQ1_S:
    case DType::kIQ1_M:
    case DType::kIQ2_XXS:
    case DType::kIQ2_XS:
    case DType::kIQ2_S:
    case DType::kIQ3_XXS:
    case DType::kIQ3_S:
    case DType::kIQ4_NL:
    case DType::kIQ4_XS:
    case DType::kNVFP4:
    case DType::kQ1_0:
    case DType::kQ2_0:
      return true;
    default:
      return false;
  }
}

const BlockEncoders& EncodersOf(const KernelTable& table) {
  static const BlockEncoders* const kAll[] = {
#if defined(__x86_64__)
      &kAvx2Encoders,
      &kAvx512Encoders,
#endif
#if defined(__aarch64__)
      &kNeonBaseEncoders,
      &kNeonEncoders,
#endif
  };
  for (const BlockEncoders* encoders : kAll) {
    if (std::strcmp(encoders->name, table.code_name()) == 0) return *encoders;
  }
  return kScalarEncoders;
}

}  // namespace tael
