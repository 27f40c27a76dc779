// The codebooks of the IQ formats: rows of 8 (IQ3: 4) small integers that an index selects, and the
// signs that go with them. The numbers are part of the formats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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
  const uint32_t parity = 0x6996u >> ((index ^ index >> 4) & 15) & 1u;  // bit k: parity of k
  return static_cast<uint8_t>(index | parity << 7);
}
static_assert(SignsFromSevenBits(1) == 129 && SignsFromSevenBits(3) == 3 &&
              SignsFromSevenBits(127) == 255 && SignsFromSevenBits(0x70) == 0xf0);

// out[j] = bit j of `signs` set ? -row[j] : row[j], for the 8 elements of a row, all above zero.
inline void CopyWithSigns(const std::array<int8_t, 8>& row, uint8_t signs, int8_t* out) noexcept {
  constexpr uint64_t kEachByte = 0x0101010101010101;
  uint64_t bytes;
  std::memcpy(&bytes, row.data(), sizeof(bytes));
  // Byte j keeps bit j only; adding 127 moves it to bit 7; `minus` is 1 in the bytes to negate.
  const uint64_t selected = (signs * kEachByte) & 0x8040201008040201;
  const uint64_t minus = (selected + 0x7f * kEachByte) >> 7 & kEachByte;
  bytes = (bytes ^ minus * 0xff) + minus;  // -x = ~x + 1, without a carry as x is not 0
  std::memcpy(out, &bytes, sizeof(bytes));
}

}  // namespace tael
