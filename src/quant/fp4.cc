// Unpacking of the 4-bit float formats (fp4.h).
#include "quant/fp4.h"

#include "quant/block_format.h"

namespace tael {
namespace {

// `bytes` bytes: low nibbles first, then the high ones.
void UnpackE2M1(const uint8_t* qs, int bytes, int8_t* w) noexcept {
  for (int j = 0; j < bytes; ++j) {
    w[j] = kE2M1Doubled[qs[j] & 15];
    w[j + bytes] = kE2M1Doubled[qs[j] >> 4];
  }
}

}  // namespace

void Unpack(const BlockMXFP4& block, size_t, IntegerBlock* out) noexcept {
  UnpackE2M1(block.qs, 16, out->w);
  SetPlainRuns(out, 2);
  out->d = HalvedE8M0(block.e);
  out->dm = 0;
}

void Unpack(const BlockNVFP4& block, size_t part, IntegerBlock* out) noexcept {
  UnpackE2M1(block.qs + 8 * part, 8, out->w);
  SetPlainRuns(out, 1);
  out->d = UE4M3ToFloat(block.d[part]) * 0.5f;
  out->dm = 0;
}

}  // namespace tael
