// Element and block types that weights can have in files, and the decoding of each to float32.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tael {

// How the elements of a tensor are stored. GGML block types keep GGML's names.
// clang-format off: one line per kind of type.
enum class DType : uint8_t {
  kF32, kF16, kBF16, kF64,
  kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kBool,
  kF8E4M3, kF8E5M2, kF8E8M0, kF8E4M3Fnuz, kF8E5M2Fnuz, kF6E2M3, kF6E3M2, kF4, kC64,
  kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ8_1,
  kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K, kQ8_K,
  kIQ1_S, kIQ1_M, kIQ2_XXS, kIQ2_XS, kIQ2_S, kIQ3_XXS, kIQ3_S, kIQ4_NL, kIQ4_XS,
  kTQ1_0, kTQ2_0, kMXFP4, kNVFP4, kQ1_0, kQ2_0,
  kCount,
};
// clang-format on

// Static facts of a type. A row of n elements takes n / block_size * block_bytes bytes.
struct DTypeInfo {
  DType dtype;
  const char* name;         // "Q4_K", "BF16": GGML's name, else safetensors'
  int block_size;           // elements per block; 1 for plain types
  int block_bytes;          // bytes per block; sub-byte plain types: see `bits`
  int bits;                 // bits per element of plain types; 0 for block types
  int ggml_id;              // type number in GGUF, -1 if GGUF has none
  const char* safetensors;  // spelling in safetensors headers, "" if none
};

const DTypeInfo& Info(DType dtype);
inline const char* Name(DType dtype) { return Info(dtype).name; }
std::optional<DType> DTypeFromGgml(int64_t id);
std::optional<DType> DTypeFromSafetensors(std::string_view name);

// Bytes of `count` consecutive elements, or nullopt when `count` is no whole number of blocks
// (or of bytes), or when the size would overflow. REQUIRES: count >= 0.
std::optional<int64_t> StorageBytes(DType dtype, int64_t count);

// True for types that DecodeRow understands (all GGML types, F32, F16, BF16, F64).
bool CanDecode(DType dtype);

// Decodes `count` elements that start at a block boundary to float32. This scalar routine defines
// the value of every type (docs/numerics.md). REQUIRES: CanDecode(dtype), count % block_size == 0.
void DecodeRow(DType dtype, const uint8_t* bytes, int64_t count, float* out) noexcept;

}  // namespace tael
