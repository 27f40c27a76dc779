// Unpacking of the K-quants (k_quants.h).
#include "quant/k_quants.h"

#include <cstring>

#include "quant/block_format.h"

namespace tael {
namespace {

// w[e] = the 2 bits of element e in the order Q2_K, Q3_K and (for its upper bits) Q6_K share: four
// layers of 32 elements lie over each other in 32 bytes.
void UnpackTwoBits(const uint8_t* qs, int8_t* w) noexcept {
  for (int layer = 0; layer < 8; ++layer) {
    const uint8_t* bytes = qs + 32 * (layer / 4);
    const int shift = 2 * (layer % 4);
    for (int l = 0; l < 32; ++l) w[32 * layer + l] = static_cast<int8_t>(bytes[l] >> shift & 3);
  }
}

// Scales and minima of Q4_K and Q5_K: one pair per two runs of 16.
void SetScalesAndMinima(const uint8_t packed[12], IntegerBlock* out) noexcept {
  uint8_t scales[8], minima[8];
  UnpackScalesAndMinima(packed, scales, minima);
  for (int r = 0; r < 16; ++r) {
    out->subscale[r] = scales[r / 2];
    out->minimum[r] = minima[r / 2];
  }
}

}  // namespace

void UnpackScalesAndMinima(const uint8_t packed[12], uint8_t scales[8],
                           uint8_t minima[8]) noexcept {
  for (int j = 0; j < 4; ++j) {
    scales[j] = packed[j] & 63;
    minima[j] = packed[j + 4] & 63;
    // The last four keep 4 bits in bytes 8..11 and 2 bits on top of the first four.
    scales[j + 4] = static_cast<uint8_t>((packed[j + 8] & 15) | (packed[j] >> 6 << 4));
    minima[j + 4] = static_cast<uint8_t>((packed[j + 8] >> 4) | (packed[j + 4] >> 6 << 4));
  }
}

void Unpack(const BlockQ2_K& block, size_t, IntegerBlock* out) noexcept {
  UnpackTwoBits(block.qs, out->w);
  for (int r = 0; r < 16; ++r) {
    out->subscale[r] = block.scales[r] & 15;
    out->minimum[r] = block.scales[r] >> 4;
  }
  out->d = HalfToFloat(block.d);
  out->dm = -HalfToFloat(block.dmin);
}

void Unpack(const BlockQ3_K& block, size_t, IntegerBlock* out) noexcept {
  UnpackTwoBits(block.qs, out->w);
  for (int layer = 0; layer < 8; ++layer) {
    int8_t* w = out->w + 32 * layer;
    for (int l = 0; l < 32; ++l) {
      w[l] = static_cast<int8_t>(w[l] + ((block.hmask[l] >> layer & 1) << 2) - 4);
    }
  }
  for (int r = 0; r < 16; ++r) {
    const int low = block.scales[r % 8] >> (4 * (r / 8)) & 15;
    const int high = block.scales[8 + r % 4] >> (2 * (r / 4)) & 3;
    out->subscale[r] = static_cast<int16_t>((low | high << 4) - 32);
    out->minimum[r] = 0;
  }
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ4_K& block, size_t, IntegerBlock* out) noexcept {
  for (int pair = 0; pair < 4; ++pair) {
    const uint8_t* qs = block.qs + 32 * pair;
    int8_t* w = out->w + 64 * pair;
    for (int l = 0; l < 32; ++l) {
      w[l] = static_cast<int8_t>(qs[l] & 15);
      w[l + 32] = static_cast<int8_t>(qs[l] >> 4);
    }
  }
  SetScalesAndMinima(block.scales, out);
  out->d = HalfToFloat(block.d);
  out->dm = -HalfToFloat(block.dmin);
}

void Unpack(const BlockQ5_K& block, size_t, IntegerBlock* out) noexcept {
  for (int pair = 0; pair < 4; ++pair) {
    const uint8_t* qs = block.qs + 32 * pair;
    int8_t* w = out->w + 64 * pair;
    for (int l = 0; l < 32; ++l) {
      const int fifth = block.qh[l] >> (2 * pair);
      w[l] = static_cast<int8_t>((qs[l] & 15) | (fifth & 1) << 4);
      w[l + 32] = static_cast<int8_t>((qs[l] >> 4) | (fifth >> 1 & 1) << 4);
    }
  }
  SetScalesAndMinima(block.scales, out);
  out->d = HalfToFloat(block.d);
  out->dm = -HalfToFloat(block.dmin);
}

void Unpack(const BlockQ6_K& block, size_t, IntegerBlock* out) noexcept {
  for (int layer = 0; layer < 8; ++layer) {
    const int half = layer / 4, k = layer % 4;
    const uint8_t* ql = block.ql + 64 * half + 32 * (k % 2);
    const uint8_t* qh = block.qh + 32 * half;
    int8_t* w = out->w + 32 * layer;
    for (int l = 0; l < 32; ++l) {
      const int low = ql[l] >> (4 * (k / 2)) & 15, high = qh[l] >> (2 * k) & 3;
      w[l] = static_cast<int8_t>((low | high << 4) - 32);
    }
  }
  for (int r = 0; r < 16; ++r) {
    out->subscale[r] = block.scales[r];
    out->minimum[r] = 0;
  }
  out->d = HalfToFloat(block.d);
  out->dm = 0;
}

void Unpack(const BlockQ8_K& block, size_t, IntegerBlock* out) noexcept {
  std::memcpy(out->w, block.qs, sizeof(block.qs));
  SetPlainRuns(out, 16);
  out->d = block.d;
  out->dm = 0;
}

}  // namespace tael
