// Unpacking of the 2-bit codebook formats (iq2.h).
#include "quant/iq2.h"

#include <cstring>

#include "quant/block_format.h"
#include "quant/iq_grids.h"

namespace tael {
namespace {

// The scales of IQ2_XS and IQ2_S: one nibble per run of 16.
void SetNibbleScales(const uint8_t scales[8], IntegerBlock* out) noexcept {
  for (int g = 0; g < 8; ++g) {
    out->subscale[2 * g] = static_cast<int16_t>(2 * (scales[g] & 15) + 1);
    out->subscale[2 * g + 1] = static_cast<int16_t>(2 * (scales[g] >> 4) + 1);
  }
}

}  // namespace

void Unpack(const BlockIQ2_XXS& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  for (int g = 0; g < 8; ++g) {
    uint8_t index[4];
    uint32_t packed;
    std::memcpy(index, block.qs + 4 * g, sizeof(index));
    std::memcpy(&packed, block.qs + 4 * g + 2, sizeof(packed));
    const int16_t scale = static_cast<int16_t>(2 * (packed >> 28) + 1);
    out->subscale[2 * g] = out->subscale[2 * g + 1] = scale;
    for (int l = 0; l < 4; ++l) {
      const uint8_t signs = SignsFromSevenBits(packed >> (7 * l) & 127);
      CopyWithSigns(kIq2XxsGrid[index[l]], signs, out->w + 32 * g + 8 * l);
    }
  }
  out->d = HalfToFloat(block.d) * 0.125f;
  out->dm = 0;
}

void Unpack(const BlockIQ2_XS& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  SetNibbleScales(block.scales, out);
  for (int run = 0; run < 32; ++run) {
    const uint16_t q = block.qs[run];
    CopyWithSigns(kIq2XsGrid[q & 511], SignsFromSevenBits(q >> 9), out->w + 8 * run);
  }
  out->d = HalfToFloat(block.d) * 0.125f;
  out->dm = 0;
}

void Unpack(const BlockIQ2_S& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  SetNibbleScales(block.scales, out);
  for (int run = 0; run < 32; ++run) {
    const int upper = block.qh[run / 4] >> (2 * (run % 4)) & 3;
    CopyWithSigns(kIq2SGrid[static_cast<size_t>(block.qs[run] | upper << 8)], block.signs[run],
                  out->w + 8 * run);
  }
  out->d = HalfToFloat(block.d) * 0.125f;
  out->dm = 0;
}

}  // namespace tael
