// The table of data types: names, block shapes and the numbers files use for them.
#include "quant/dtype.h"

#include <array>
#include <cstddef>

namespace tael {
namespace {

using enum DType;

// In the order of the enum. `bits` is set for plain types only; for those below 8 bits block_bytes
// is 1 and StorageBytes counts bits. GGML ids 4, 5, 31-33 and 36-38 were removed upstream.
constexpr std::array<DTypeInfo, static_cast<size_t>(kCount)> kTable = {{
    // dtype, name, block size, block bytes, bits, ggml id, safetensors
    {kF32, "F32", 1, 4, 32, 0, "F32"},
    {kF16, "F16", 1, 2, 16, 1, "F16"},
    {kBF16, "BF16", 1, 2, 16, 30, "BF16"},
    {kF64, "F64", 1, 8, 64, 28, "F64"},
    {kI8, "I8", 1, 1, 8, 24, "I8"},
    {kI16, "I16", 1, 2, 16, 25, "I16"},
    {kI32, "I32", 1, 4, 32, 26, "I32"},
    {kI64, "I64", 1, 8, 64, 27, "I64"},
    {kU8, "U8", 1, 1, 8, -1, "U8"},
    {kU16, "U16", 1, 2, 16, -1, "U16"},
    {kU32, "U32", 1, 4, 32, -1, "U32"},
    {kU64, "U64", 1, 8, 64, -1, "U64"},
    {kBool, "BOOL", 1, 1, 8, -1, "BOOL"},
    {kF8E4M3, "F8_E4M3", 1, 1, 8, -1, "F8_E4M3"},
    {kF8E5M2, "F8_E5M2", 1, 1, 8, -1, "F8_E5M2"},
    {kF8E8M0, "F8_E8M0", 1, 1, 8, -1, "F8_E8M0"},
    {kF8E4M3Fnuz, "F8_E4M3FNUZ", 1, 1, 8, -1, "F8_E4M3FNUZ"},
    {kF8E5M2Fnuz, "F8_E5M2FNUZ", 1, 1, 8, -1, "F8_E5M2FNUZ"},
    {kF6E2M3, "F6_E2M3", 1, 1, 6, -1, "F6_E2M3"},
    {kF6E3M2, "F6_E3M2", 1, 1, 6, -1, "F6_E3M2"},
    {kF4, "F4", 1, 1, 4, -1, "F4"},
    {kC64, "C64", 1, 8, 64, -1, "C64"},
    {kQ4_0, "Q4_0", 32, 18, 0, 2, ""},
    {kQ4_1, "Q4_1", 32, 20, 0, 3, ""},
    {kQ5_0, "Q5_0", 32, 22, 0, 6, ""},
    {kQ5_1, "Q5_1", 32, 24, 0, 7, ""},
    {kQ8_0, "Q8_0", 32, 34, 0, 8, ""},
    {kQ8_1, "Q8_1", 32, 36, 0, 9, ""},
    {kQ2_K, "Q2_K", 256, 84, 0, 10, ""},
    {kQ3_K, "Q3_K", 256, 110, 0, 11, ""},
    {kQ4_K, "Q4_K", 256, 144, 0, 12, ""},
    {kQ5_K, "Q5_K", 256, 176, 0, 13, ""},
    {kQ6_K, "Q6_K", 256, 210, 0, 14, ""},
    {kQ8_K, "Q8_K", 256, 292, 0, 15, ""},
    {kIQ1_S, "IQ1_S", 256, 50, 0, 19, ""},
    {kIQ1_M, "IQ1_M", 256, 56, 0, 29, ""},
    {kIQ2_XXS, "IQ2_XXS", 256, 66, 0, 16, ""},
    {kIQ2_XS, "IQ2_XS", 256, 74, 0, 17, ""},
    {kIQ2_S, "IQ2_S", 256, 82, 0, 22, ""},
    {kIQ3_XXS, "IQ3_XXS", 256, 98, 0, 18, ""},
    {kIQ3_S, "IQ3_S", 256, 110, 0, 21, ""},
    {kIQ4_NL, "IQ4_NL", 32, 18, 0, 20, ""},
    {kIQ4_XS, "IQ4_XS", 256, 136, 0, 23, ""},
    {kTQ1_0, "TQ1_0", 256, 54, 0, 34, ""},
    {kTQ2_0, "TQ2_0", 256, 66, 0, 35, ""},
    {kMXFP4, "MXFP4", 32, 17, 0, 39, ""},
    {kNVFP4, "NVFP4", 64, 36, 0, 40, ""},
    {kQ1_0, "Q1_0", 128, 18, 0, 41, ""},
    {kQ2_0, "Q2_0", 64, 18, 0, 42, ""},
}};

constexpr bool TableFollowsEnum() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].dtype) != i) return false;
  }
  return true;
}
static_assert(TableFollowsEnum());

}  // namespace

const DTypeInfo& Info(DType dtype) { return kTable[static_cast<size_t>(dtype)]; }

std::optional<DType> DTypeFromGgml(int64_t id) {
  if (id < 0) return std::nullopt;
  for (const DTypeInfo& info : kTable) {
    if (info.ggml_id == id) return info.dtype;
  }
  return std::nullopt;
}

std::optional<DType> DTypeFromSafetensors(std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (const DTypeInfo& info : kTable) {
    if (name == info.safetensors) return info.dtype;
  }
  return std::nullopt;
}

std::optional<int64_t> StorageBytes(DType dtype, int64_t count) {
  const DTypeInfo& info = Info(dtype);
  int64_t total = 0;
  if (info.bits != 0) {  // counted in bits: types below a byte are packed without gaps
    if (__builtin_mul_overflow(count, static_cast<int64_t>(info.bits), &total)) return std::nullopt;
    if (total % 8 != 0) return std::nullopt;
    return total / 8;
  }
  if (count % info.block_size != 0) return std::nullopt;
  if (__builtin_mul_overflow(count / info.block_size, static_cast<int64_t>(info.block_bytes),
                             &total)) {
    return std::nullopt;
  }
  return total;
}

}  // namespace tael
