// Unpacking of the formats of 32 elements (legacy.h).
#include "quant/legacy.h"

#include <cstring>

#include "quant/block_format.h"

namespace tael {
namespace {

// w[j] = nibble j - offset, low nibbles first.
void UnpackNibbles(const uint8_t* qs, int offset, int8_t* w) noexcept {
  for (int j = 0; j < 16; ++j) {
    w[j] = static_cast<int8_t>((qs[j] & 15) - offset);
    w[j + 16] = static_cast<int8_t>((qs[j] >> 4) - offset);
  }
}

// The same with a fifth bit from `qh`.
void UnpackFiveBits(const uint8_t* qs, const uint8_t* qh, int offset, int8_t* w) noexcept {
  uint32_t high;
  std::memcpy(&high, qh, sizeof(high));
  for (int j = 0; j < 16; ++j) {
    const int low_element = (qs[j] & 15) | static_cast<int>((high >> j & 1u) << 4);
    const int high_element = (qs[j] >> 4) | static_cast<int>((high >> (j + 16) & 1u) << 4);
    w[j] = static_cast<int8_t>(low_element - offset);
    w[j + 16] = static_cast<int8_t>(high_element - offset);
  }
}

}  // namespace

void Unpack(const BlockQ4_0& block, size_t, IntegerBlock* out) noexcept {
  UnpackNibbles(block.qs, 8, out->w);
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ4_1& block, size_t, IntegerBlock* out) noexcept {
  UnpackNibbles(block.qs, 0, out->w);
  SetPlainRuns(out, 2, /*minimum=*/1);
  out->d = HalfToFloat(block.d);
  out->dm = HalfToFloat(block.m);
}

void Unpack(const BlockQ5_0& block, size_t, IntegerBlock* out) noexcept {
  UnpackFiveBits(block.qs, block.qh, 16, out->w);
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ5_1& block, size_t, IntegerBlock* out) noexcept {
  UnpackFiveBits(block.qs, block.qh, 0, out->w);
  SetPlainRuns(out, 2, /*minimum=*/1);
  out->d = HalfToFloat(block.d);
  out->dm = HalfToFloat(block.m);
}

void Unpack(const BlockQ8_0& block, size_t, IntegerBlock* out) noexcept {
  std::memcpy(out->w, block.qs, sizeof(block.qs));
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ8_1& block, size_t, IntegerBlock* out) noexcept {
  std::memcpy(out->w, block.qs, sizeof(block.qs));
  SetPlainRuns(out, 2);
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

}  // namespace tael
