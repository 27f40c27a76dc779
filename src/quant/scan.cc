// The search for NaN and infinity in stored weights.
#include "quant/scan.h"

#include <cstring>

#include "quant/block_format.h"
#include "quant/float_bits.h"

namespace tael {
namespace {

template <typename Stored>
Stored Load(const uint8_t* bytes, int64_t index) noexcept {
  Stored stored;
  std::memcpy(&stored, bytes + index * static_cast<int64_t>(sizeof(stored)), sizeof(stored));
  return stored;
}

// Elements whose `exponent_mask` bits are all ones are NaN or infinite. Looks at 64 elements
// without a branch between them, then closer.
template <typename Stored>
int64_t FirstWithFullExponent(const uint8_t* bytes, int64_t count, Stored exponent_mask) noexcept {
  constexpr int64_t kRun = 64;
  int64_t i = 0;
  for (; i + kRun <= count; i += kRun) {
    Stored run[kRun];
    std::memcpy(run, bytes + i * static_cast<int64_t>(sizeof(Stored)), sizeof(run));
    Stored found = 0;
    for (const Stored bits : run)
      found |= static_cast<Stored>((bits & exponent_mask) == exponent_mask);
    if (found != 0) break;
  }
  for (; i < count; ++i) {
    if ((Load<Stored>(bytes, i) & exponent_mask) == exponent_mask) return i;
  }
  return -1;
}

int64_t FirstNonFiniteF64(const uint8_t* bytes, int64_t count) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    // As float32, because that is the value the rest of the program sees.
    if (!IsFinite(static_cast<float>(Load<double>(bytes, i)))) return i;
  }
  return -1;
}

int64_t FirstNonFiniteInBlocks(DType dtype, const BlockFormat& format, const uint8_t* bytes,
                               int64_t count) noexcept {
  const int64_t elements = static_cast<int64_t>(format.elements);
  for (int64_t b = 0; b < count / elements; ++b) {
    const uint8_t* block = bytes + b * static_cast<int64_t>(format.bytes);
    if (format.surely_finite(block)) continue;
    float values[256];
    DecodeRow(dtype, block, elements, values);
    for (int64_t i = 0; i < elements; ++i) {
      if (!IsFinite(values[i])) return b * elements + i;
    }
  }
  return -1;
}

}  // namespace

int64_t FirstNonFinite(DType dtype, const uint8_t* bytes, int64_t count) noexcept {
  switch (dtype) {
    case DType::kF32:
      return FirstWithFullExponent<uint32_t>(bytes, count, 0x7f800000u);
    case DType::kF16:
      return FirstWithFullExponent<uint16_t>(bytes, count, 0x7c00u);
    case DType::kBF16:
      return FirstWithFullExponent<uint16_t>(bytes, count, 0x7f80u);
    case DType::kF64:
      return FirstNonFiniteF64(bytes, count);
    default:
      return FirstNonFiniteInBlocks(dtype, *FindBlockFormat(dtype), bytes, count);
  }
}

}  // namespace tael
