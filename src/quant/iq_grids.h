// The codebooks of the IQ formats: rows of 8 (IQ3: 4) small integers that an index selects, and the
// signs that go with them. The numbers are part of the formats.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tael {

template <size_t kRows, size_t kWidth>
using Codebook = std::array<std::array<int8_t, kWidth>, kRows>;

extern const Codebook<256, 8> kIq2XxsGrid;  // 8, 25, 43
extern const Codebook<512, 8> kIq2XsGrid;   // 8, 25, 43
extern const Codebook<1024, 8> kIq2SGrid;   // 8, 25, 43
extern const Codebook<256, 4> kIq3XxsGrid;  // 4, 12, .. 52, 62
extern const Codebook<512, 4> kIq3SGrid;    // 1, 3, .. 15
extern const Codebook<2048, 8> kIq1SGrid;   // -1, 0, 1; also IQ1_M's

// IQ2_XXS, IQ2_XS and IQ3_XXS store 7 of 8 signs: the number of minus signs is even, so the eighth
// is the parity of the others.
constexpr uint8_t SignsFromSevenBits(uint32_t index) {
  return static_cast<uint8_t>(index | (static_cast<uint32_t>(std::popcount(index)) & 1u) << 7);
}

// out[j] = bit j of `signs` set ? -row[j] : row[j], for `kWidth` elements.
template <size_t kWidth>
inline void CopyWithSigns(const std::array<int8_t, kWidth>& row, uint32_t signs,
                          int8_t* out) noexcept {
  for (size_t j = 0; j < kWidth; ++j) {
    const int minus = -static_cast<int>(signs >> j & 1u);  // 0 or all ones
    out[j] = static_cast<int8_t>((row[j] ^ minus) - minus);
  }
}

}  // namespace tael
