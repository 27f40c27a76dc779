// Quants on their way into a block: what an encoder decided, and the packing of it into the stored
// bytes (the inverse of Unpack).
#pragma once

#include <cstdint>

#include "quant/k_quants.h"

namespace tael {

// value = d * scale * q - dmin * minimum; sixteen runs (Q2_K) or eight (Q4_K, Q5_K).
struct OffsetQuants {
  uint16_t d = 0, dmin = 0;  // binary16
  uint8_t scales[16] = {}, minima[16] = {};
  int8_t q[256] = {};
};

// value = d * scale * q; sixteen runs.
struct SignedQuants {
  uint16_t d = 0;
  int8_t scales[16] = {};
  int8_t q[256] = {};
};

// REQUIRES of all: scales, minima and q are in the format's range.
void Pack(const OffsetQuants& quants, BlockQ2_K* block) noexcept;
void Pack(const OffsetQuants& quants, BlockQ4_K* block) noexcept;
void Pack(const OffsetQuants& quants, BlockQ5_K* block) noexcept;
void Pack(const SignedQuants& quants, BlockQ3_K* block) noexcept;
void Pack(const SignedQuants& quants, BlockQ6_K* block) noexcept;

// 32 quants below 16 as nibbles: element j + 16 above element j.
template <typename Quant>
inline void PackNibbles(const Quant* q, uint8_t* qs) noexcept {
  for (int j = 0; j < 16; ++j) qs[j] = static_cast<uint8_t>((q[j] & 15) | (q[j + 16] & 15) << 4);
}

}  // namespace tael
