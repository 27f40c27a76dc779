// Unpacking of the one-bit, two-bit and ternary formats (low_bit.h).
#include "quant/low_bit.h"

#include "quant/block_format.h"

namespace tael {
namespace {

// Digit n of each of `width` bytes goes to w[n * width ..], less 1.
void UnpackTernary(const uint8_t* bytes, int width, int digits, int8_t* w) noexcept {
  int power = 1;
  for (int n = 0; n < digits; ++n, power *= 3) {
    for (int m = 0; m < width; ++m) {
      const int fraction = bytes[m] * power & 255;  // the digits before n have left at the top
      w[n * width + m] = static_cast<int8_t>((fraction * 3 >> 8) - 1);
    }
  }
}

}  // namespace

void Unpack(const BlockTQ1_0& block, size_t, IntegerBlock* out) noexcept {
  UnpackTernary(block.qs, 32, 5, out->w);
  UnpackTernary(block.qs + 32, 16, 5, out->w + 160);
  UnpackTernary(block.qh, 4, 4, out->w + 240);
  SetPlainRuns(out, 16);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockTQ2_0& block, size_t, IntegerBlock* out) noexcept {
  for (int layer = 0; layer < 8; ++layer) {
    const uint8_t* qs = block.qs + 32 * (layer / 4);
    int8_t* w = out->w + 32 * layer;
    for (int m = 0; m < 32; ++m) w[m] = static_cast<int8_t>((qs[m] >> (2 * (layer % 4)) & 3) - 1);
  }
  SetPlainRuns(out, 16);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ1_0& block, size_t part, IntegerBlock* out) noexcept {
  const uint8_t* qs = block.qs + 4 * part;
  for (int j = 0; j < 32; ++j) out->w[j] = static_cast<int8_t>(2 * (qs[j / 8] >> (j % 8) & 1) - 1);
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ2_0& block, size_t part, IntegerBlock* out) noexcept {
  const uint8_t* qs = block.qs + 8 * part;
  for (int j = 0; j < 32; ++j) {
    out->w[j] = static_cast<int8_t>((qs[j / 4] >> (2 * (j % 4)) & 3) - 1);
  }
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

}  // namespace tael
