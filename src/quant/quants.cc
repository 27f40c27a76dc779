// Packing of the K-quants.
#include "quant/quants.h"

#include <cstring>

namespace tael {
namespace {

// Two bits of each element, four layers of 32 over each other (as UnpackTwoBits).
void PackTwoBits(const uint8_t* bits, uint8_t* qs) noexcept {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* from = bits + 128 * half;
    for (int j = 0; j < 32; ++j) {
      qs[32 * half + j] =
          static_cast<uint8_t>(from[j] | from[j + 32] << 2 | from[j + 64] << 4 | from[j + 96] << 6);
    }
  }
}

void PackScalesAndMinima(const OffsetQuants& quants, uint8_t packed[12]) noexcept {
  for (int j = 0; j < 4; ++j) {
    const int scale = quants.scales[j + 4], minimum = quants.minima[j + 4];
    packed[j] = static_cast<uint8_t>(quants.scales[j] | scale >> 4 << 6);
    packed[j + 4] = static_cast<uint8_t>(quants.minima[j] | minimum >> 4 << 6);
    packed[j + 8] = static_cast<uint8_t>((scale & 15) | (minimum & 15) << 4);
  }
}

void PackNibblePairs(const int8_t* q, uint8_t* qs) noexcept {
  for (int e = 0; e < 256; e += 64) {
    for (int l = 0; l < 32; ++l) {
      qs[e / 2 + l] = static_cast<uint8_t>((q[e + l] & 15) | (q[e + l + 32] & 15) << 4);
    }
  }
}

}  // namespace

void Pack(const OffsetQuants& quants, BlockQ2_K* block) noexcept {
  uint8_t bits[256];
  for (int e = 0; e < 256; ++e) bits[e] = static_cast<uint8_t>(quants.q[e]);
  PackTwoBits(bits, block->qs);
  for (int r = 0; r < 16; ++r) {
    block->scales[r] = static_cast<uint8_t>(quants.scales[r] | quants.minima[r] << 4);
  }
  block->d = quants.d;
  block->dmin = quants.dmin;
}

void Pack(const OffsetQuants& quants, BlockQ4_K* block) noexcept {
  PackNibblePairs(quants.q, block->qs);
  PackScalesAndMinima(quants, block->scales);
  block->d = quants.d;
  block->dmin = quants.dmin;
}

void Pack(const OffsetQuants& quants, BlockQ5_K* block) noexcept {
  PackNibblePairs(quants.q, block->qs);
  std::memset(block->qh, 0, sizeof(block->qh));
  for (int e = 0; e < 256; ++e) {
    uint8_t& byte = block->qh[e % 32];
    byte = static_cast<uint8_t>(byte | (quants.q[e] >> 4 & 1) << (e / 32));
  }
  PackScalesAndMinima(quants, block->scales);
  block->d = quants.d;
  block->dmin = quants.dmin;
}

void Pack(const SignedQuants& quants, BlockQ3_K* block) noexcept {
  uint8_t bits[256];
  std::memset(block->hmask, 0, sizeof(block->hmask));
  for (int e = 0; e < 256; ++e) {
    const int level = quants.q[e] + 4;
    bits[e] = static_cast<uint8_t>(level & 3);
    block->hmask[e % 32] = static_cast<uint8_t>(block->hmask[e % 32] | level >> 2 << (e / 32));
  }
  PackTwoBits(bits, block->qs);
  std::memset(block->scales, 0, sizeof(block->scales));
  for (int r = 0; r < 16; ++r) {
    const int scale = quants.scales[r] + 32;
    uint8_t &low = block->scales[r % 8], &high = block->scales[8 + r % 4];
    low = static_cast<uint8_t>(low | (scale & 15) << (4 * (r / 8)));
    high = static_cast<uint8_t>(high | scale >> 4 << (2 * (r / 4)));
  }
  block->d = quants.d;
}

void Pack(const SignedQuants& quants, BlockQ6_K* block) noexcept {
  uint8_t level[256];
  for (int e = 0; e < 256; ++e) level[e] = static_cast<uint8_t>(quants.q[e] + 32);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* from = level + 128 * half;
    for (int j = 0; j < 64; ++j) {
      block->ql[64 * half + j] = static_cast<uint8_t>((from[j] & 15) | (from[j + 64] & 15) << 4);
    }
  }
  for (uint8_t& bits : level) bits >>= 4;
  PackTwoBits(level, block->qh);
  std::memcpy(block->scales, quants.scales, sizeof(block->scales));
  block->d = quants.d;
}

}  // namespace tael
