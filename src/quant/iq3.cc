// Unpacking of the 3-bit codebook formats (iq3.h).
#include "quant/iq3.h"

#include <cstring>

#include "quant/block_format.h"
#include "quant/iq_grids.h"

namespace tael {

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
      int8_t* w = out->w + 32 * g + 8 * l;
      CopyWithSigns(kIq3XxsGrid[index[0]], signs, w);
      CopyWithSigns(kIq3XxsGrid[index[1]], signs >> 4, w + 4);
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
    for (int run = 0; run < 8; ++run) {
      const int index = block.qs[8 * g + run] | (block.qh[g] >> run & 1) << 8;
      const int signs = block.signs[4 * g + run / 2] >> (4 * (run % 2));
      CopyWithSigns(kIq3SGrid[static_cast<size_t>(index)], static_cast<uint32_t>(signs),
                    out->w + 32 * g + 4 * run);
    }
  }
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

}  // namespace tael
