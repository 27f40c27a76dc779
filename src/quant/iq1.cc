// Unpacking of the ternary codebook formats (iq1.h).
#include "quant/iq1.h"

#include "quant/block_format.h"
#include "quant/iq_grids.h"

namespace tael {
namespace {

// w = 8 * row `index` + (1, or -1 with `down`), for 8 elements.
void UnpackRun(int index, bool down, int8_t* w) noexcept {
  const auto& row = kIq1SGrid[static_cast<size_t>(index)];
  const int shift = down ? -1 : 1;
  for (size_t j = 0; j < 8; ++j) w[j] = static_cast<int8_t>(8 * row[j] + shift);
}

}  // namespace

void Unpack(const BlockIQ1_S& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  for (int g = 0; g < 8; ++g) {
    const int qh = block.qh[g];
    const int16_t scale = static_cast<int16_t>(2 * (qh >> 12 & 7) + 1);
    out->subscale[2 * g] = out->subscale[2 * g + 1] = scale;
    for (int l = 0; l < 4; ++l) {
      const int index = block.qs[4 * g + l] | (qh >> (3 * l) & 7) << 8;
      UnpackRun(index, (qh & 0x8000) != 0, out->w + 32 * g + 8 * l);
    }
  }
  out->d = HalfToFloat(block.d) * 0.125f;
  out->dm = 0;
}

void Unpack(const BlockIQ1_M& block, size_t, IntegerBlock* out) noexcept {
  SetPlainRuns(out, 16);
  for (int r = 0; r < 16; ++r) {
    out->subscale[r] = static_cast<int16_t>(2 * (block.scales[r / 4] >> (3 * (r % 4)) & 7) + 1);
  }
  for (int run = 0; run < 32; ++run) {
    const int nibble = block.qh[run / 2] >> (4 * (run % 2)) & 15;
    UnpackRun(block.qs[run] | (nibble & 7) << 8, (nibble & 8) != 0, out->w + 8 * run);
  }
  out->d = HalfToFloat(block.D()) * 0.125f;
  out->dm = 0;
}

}  // namespace tael
