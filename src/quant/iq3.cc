// Unpacking of the 3-bit codebook formats (iq3.h).
#include "quant/iq3.h"

#include <array>
#include <cstring>

#include "quant/block_format.h"
#include "quant/iq_grids.h"

namespace tael {
namespace {

// Two rows of 4 side by side.
std::array<int8_t, 8> Join(const std::array<int8_t, 4>& a, const std::array<int8_t, 4>& b) {
  std::array<int8_t, 8> row;
  std::memcpy(row.data(), a.data(), 4);
  std::memcpy(row.data() + 4, b.data(), 4);
  return row;
}

}  // namespace

void Unpack(const BlockIQ3_XXS& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  for (int g = 0; g < 8; ++g) {
    uint32_t packed;
    std::memcpy(&packed, block.scales_and_signs[g], sizeof(packed));
    const int16_t scale = static_cast<int16_t>(2 * (packed >> 28) + 1);
    out->subscale[2 * g] = out->subscale[2 * g + 1] = scale;
    for (int l = 0; l < 4; ++l) {
      const uint8_t signs = SignsFromSevenBits(packed >> (7 * l) & 127);
      const uint8_t* index = block.qs + 8 * g + 2 * l;
      CopyWithSigns(Join(kIq3XxsGrid[index[0]], kIq3XxsGrid[index[1]]), signs,
                    out->w + 32 * g + 8 * l);
    }
  }
  out->d = HalfToFloat(block.d) * 0.25f;
  out->dm = 0;
}

void Unpack(const BlockIQ3_S& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  for (int g = 0; g < 8; ++g) {
    const int nibble = block.scales[g / 2] >> (4 * (g % 2)) & 15;
    out->subscale[2 * g] = out->subscale[2 * g + 1] = static_cast<int16_t>(2 * nibble + 1);
    const uint32_t qh = block.qh[g];
    for (int l = 0; l < 4; ++l) {
      const uint8_t* low = block.qs + 8 * g + 2 * l;
      const auto& first = kIq3SGrid[low[0] | (qh >> (2 * l) & 1) << 8];
      const auto& second = kIq3SGrid[low[1] | (qh >> (2 * l + 1) & 1) << 8];
      CopyWithSigns(Join(first, second), block.signs[4 * g + l], out->w + 32 * g + 8 * l);
    }
  }
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

}  // namespace tael
