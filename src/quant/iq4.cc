// Unpacking of the formats with 16 uneven levels (iq4.h).
#include "quant/iq4.h"

#include "quant/block_format.h"

namespace tael {
namespace {

void UnpackLevels(const uint8_t* qs, int8_t* w) noexcept {
  for (int j = 0; j < 16; ++j) {
    w[j] = kIq4Levels[qs[j] & 15];
    w[j + 16] = kIq4Levels[qs[j] >> 4];
  }
}

}  // namespace

void Unpack(const BlockIQ4_NL& block, size_t, IntegerBlock* out) noexcept {
  UnpackLevels(block.qs, out->w);
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockIQ4_XS& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  for (int g = 0; g < 8; ++g) {
    UnpackLevels(block.qs + 16 * g, out->w + 32 * g);
    const int low = block.scales_l[g / 2] >> (4 * (g % 2)) & 15;
    const int high = block.scales_h >> (2 * g) & 3;
    out->subscale[2 * g] = out->subscale[2 * g + 1] = static_cast<int16_t>((low | high << 4) - 32);
  }
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

}  // namespace tael
